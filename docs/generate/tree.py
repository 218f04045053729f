"""What distributions this repository holds, whatever else is installed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


@cache
def distributions() -> Mapping[str, dict[str, Any]]:
    """Return the metadata of each distribution of this repository, by its name."""
    files = (ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml")))
    found = (tomllib.loads(file.read_text(encoding="utf-8"))["project"] for file in files)
    return {project["name"]: project for project in found}


def offered(group: str) -> dict[str, str]:
    """Return what the repository offers in an entry-point group: distribution by name."""
    return {
        point: name
        for name, project in distributions().items()
        for point in project.get("entry-points", {}).get(group, {})
    }
