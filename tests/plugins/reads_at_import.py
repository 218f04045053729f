"""A plugin that reads a file as soon as it is imported."""

from __future__ import annotations

from pathlib import Path

from toys import Letters

METADATA = (Path(__file__).parent / "toys-1.0.dist-info" / "METADATA").read_text()


class ReadsAtImport(Letters):
    """Sound in all else."""
