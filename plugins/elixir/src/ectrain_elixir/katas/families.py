"""Families of katas: how steps become a whole program of one shape."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from ectrain_elixir.katas import (
    binaries,
    branching,
    calendars,
    control,
    facts,
    keyed,
    makers,
    matching,
    outcomes,
    pipes,
    polymorphism,
    processes,
    records,
    recursions,
    sequences,
    several,
    spelling,
    structs,
    surroundings,
    tables,
    texts,
)
from ectrain_elixir.katas.kata import Draft

Family = Callable[[random.Random], Draft]

FIRST: Mapping[str, Family] = {
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
    "structs": structs.structs,
}

FAMILIES: Mapping[str, Family] = {
    **FIRST,
    "sequences": sequences.sequences,
    "windows": sequences.windows,
    "scans": sequences.scans,
    "runs": sequences.runs,
    "partitions": several.partitions,
    "products": several.products,
    "keywords": keyed.keywords,
    "paths": keyed.paths,
    "rows": keyed.rows,
    "merges": tables.merges,
    "lookups": tables.lookups,
    "frequencies": tables.frequencies,
    "sets": tables.sets,
    "parsing": texts.parsing,
    "assignments": texts.assignments,
    "regexes": texts.regexes,
    "ranks": spelling.ranks,
    "ciphers": spelling.ciphers,
    "formats": spelling.formats,
    "filters": binaries.filters,
    "packets": binaries.packets,
    "encodings": binaries.encodings,
    "bits": binaries.bits,
    "accumulators": recursions.accumulators,
    "countdowns": recursions.countdowns,
    "trees": branching.trees,
    "nested": branching.nested,
    "halting": recursions.halting,
    "commands": matching.commands,
    "checks": matching.checks,
    "pins": matching.pins,
    "exceptions": outcomes.exceptions,
    "predicates": outcomes.predicates,
    "dates": calendars.dates,
    "times": calendars.times,
    "agents": processes.agents,
    "servers": processes.servers,
    "inboxes": processes.inboxes,
    "protocols": polymorphism.protocols,
    "behaviours": polymorphism.behaviours,
    "closures": makers.closures,
    "constructors": makers.constructors,
}

FACT_FAMILIES: Mapping[str, Callable[[random.Random, int], Draft]] = {
    "rules": facts.rules,
    "fields": facts.fields,
    "callbacks": surroundings.callbacks,
    "returns": surroundings.returns,
    "messages": surroundings.messages,
}

FIRST_FAMILIES: tuple[str, ...] = (*FIRST, "rules", "fields")

LONGER: Mapping[str, Callable[[random.Random, int], Draft]] = {
    "pipeline": pipes.pipeline,
    "strings": pipes.strings,
    "words": pipes.word_lists,
    "digits": pipes.digits,
    "chunks": pipes.chunks,
    "maps": records.maps,
    "structs": structs.structs,
    "sequences": sequences.sequences,
    "keywords": keyed.keywords,
    "paths": keyed.paths,
    "formats": spelling.formats,
    "bits": binaries.bits,
    "dates": calendars.dates,
    "agents": processes.agents,
}
