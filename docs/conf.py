"""Settings of the documentation's site: ``make docs``; warnings and dead links are errors."""

from importlib import metadata

project = "maccord"
copyright = "the maccord authors"
release = version = metadata.version("maccord")
extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
exclude_patterns = ["figures/*.py", "_build"]
html_theme = "furo"
html_title = f"maccord {release}"
nitpicky = True
