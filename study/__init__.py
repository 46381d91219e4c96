"""The experiment: networks, perturbations and models compared, as tables, figures and a page."""
