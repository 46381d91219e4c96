"""The robustness study: compares models under perturbations; tables, figures and a report."""
