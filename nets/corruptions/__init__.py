"""The 15 common corruptions of images at 5 severities (Hendrycks and Dietterich 2019)."""
