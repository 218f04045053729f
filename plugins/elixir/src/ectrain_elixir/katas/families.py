"""Families of katas: how steps become a whole program of one shape."""

from __future__ import annotations

import random
from collections.abc import Callable

from ectrain_elixir.katas import control, pipes, records
from ectrain_elixir.katas.kata import Draft

Family = Callable[[random.Random], Draft]

FAMILIES: dict[str, Family] = {
    "pipeline": pipes.pipeline,
    "strings": pipes.strings,
    "words": pipes.word_lists,
    "digits": pipes.digits,
    "chunks": pipes.chunks,
    "comprehension": control.comprehension,
    "recursion": control.recursion,
    "reduction": control.reduction,
    "decisions": control.decisions,
    "guards": control.guards,
    "groups": pipes.groups,
    "zips": pipes.zips,
    "maps": records.maps,
    "results": records.results,
    "options": records.options,
    "tuples": records.tuples,
    "structs": records.structs,
}
