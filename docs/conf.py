"""How the documentation is built: `./scripts/docs`."""

import tomllib
from pathlib import Path

_PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]

project = _PROJECT["name"]
release = version = _PROJECT["version"]
html_title = f"{project} {version}"
author = copyright = "the authors of ectrain"

extensions = ["myst_parser"]
exclude_patterns = ["generate"]
nitpicky = True
myst_heading_anchors = 3
html_theme = "furo"
html_copy_source = False
highlight_language = "text"
