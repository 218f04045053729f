"""Read the table that `mix test --cover` prints."""

import re

import attrs

from ectrain.errors import DataError

_ROW = re.compile(r"^\s*(\d+(?:\.\d+)?)%\s*\|\s*(\S.*?)\s*$")


@attrs.frozen
class FileCoverage:
    """One row.

    Args:
        module: Name of the module.
        share: Share of its lines that were reached, 0 to 1.
    """

    module: str
    share: float


def read_cover(text: str, source: str = "mix test --cover") -> tuple[list[FileCoverage], float]:
    """Return the rows of the table, and the share of the whole.

    Raises:
        DataError: If there is no such table.
    """
    found = [row for line in text.splitlines() if (row := _ROW.match(_plain(line)))]
    rows = [FileCoverage(row[2], float(row[1]) / 100) for row in found]
    totals = [row for row in rows if row.module == "Total"]
    if not totals:
        raise DataError(f"{source}: no table with a total in it; was --cover given?")
    return [row for row in rows if row.module != "Total"], totals[-1].share


def _plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line)
