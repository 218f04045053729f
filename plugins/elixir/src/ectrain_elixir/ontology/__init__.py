"""Ontology: facts of the code around a target, as triples and as one line of text.

Facts have the names of elixir-ontologies (`vocabulary`), are written as `[ONTO] ... [/ONTO]` and
read back (`linear`), lie around every kata (`around`), and have a shuffled control (`controls`).
"""

from ectrain_elixir.ontology.around import Level, annotated, around
from ectrain_elixir.ontology.controls import permuted
from ectrain_elixir.ontology.linear import annotation, fitted, limited, read, written
from ectrain_elixir.ontology.vocabulary import (
    CLOSING,
    ONTOLOGY_SYMBOLS,
    OPENING,
    PROPERTIES,
    Property,
    hops,
    iri,
    named,
    relations,
)

__all__ = [
    "CLOSING",
    "ONTOLOGY_SYMBOLS",
    "OPENING",
    "PROPERTIES",
    "Level",
    "Property",
    "annotated",
    "annotation",
    "around",
    "fitted",
    "hops",
    "iri",
    "limited",
    "named",
    "permuted",
    "read",
    "relations",
    "written",
]
