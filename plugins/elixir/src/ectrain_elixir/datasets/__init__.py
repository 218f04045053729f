"""Real Elixir code as data: built by `ectrain data build`, read by any task.

`open_split(folder, split)` gives the rows of a built dataset, each read when it is asked for.
"""

from ectrain_elixir.datasets.reader import (
    Joined,
    Piece,
    Pieces,
    Rows,
    Viewed,
    labelled,
    open_split,
    with_facts,
)
from ectrain_elixir.datasets.row import Label, Row

__all__ = [
    "Joined",
    "Label",
    "Piece",
    "Pieces",
    "Row",
    "Rows",
    "Viewed",
    "labelled",
    "open_split",
    "with_facts",
]
