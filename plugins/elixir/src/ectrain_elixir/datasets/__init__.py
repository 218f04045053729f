"""Real Elixir code as data: built by `ectrain data build`, read by any task.

`open_split(folder, split)` gives the rows of a built dataset, each read when it is asked for.
"""

from ectrain_elixir.datasets.reader import Piece, Pieces, Rows, Viewed, labelled, open_split
from ectrain_elixir.datasets.row import Label, Row

__all__ = ["Label", "Piece", "Pieces", "Row", "Rows", "Viewed", "labelled", "open_split"]
