"""Build a dataset from somebody's code: all of it, or nothing, and interrupted work goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import attrs

from ectrain.errors import ConfigError, DataError, Interrupted
from ectrain.records import Faults
from ectrain.shards import DatasetManifest
from ectrain.storage import RunLock, Storage, disk_errors
from ectrain_elixir.datasets.assembly import Choices, assemble
from ectrain_elixir.datasets.inputs import Inputs, Project
from ectrain_elixir.datasets.labels import Report, run_reports, saved_reports
from ectrain_elixir.datasets.reading import Filters
from ectrain_elixir.datasets.surroundings import Surroundings, from_turtle
from ectrain_elixir.datasets.work import Done, Workplace, read_units

Tools = Literal["saved", "run", "none"]


@attrs.frozen
class BuildOptions:
    """What to build.

    Attributes:
        paths: Mix projects, folders, archives, tables and files.
        out: Where the dataset will be; nothing is there yet.
        filters: What is kept.
        choices: How it is put together.
        columns: Of tables, by field.
        tools: Labels from saved output, from running the tools (which executes the projects), or
            none.
        ontologies: Turtle files; without any, facts come from the syntax trees.
        jobs: Processes that read.
        skip_bad: Most rows of tables that may be skipped.
    """

    paths: tuple[Path, ...]
    out: Path
    filters: Filters = attrs.field(factory=Filters)
    choices: Choices = attrs.field(factory=Choices)
    columns: Mapping[str, str] = attrs.field(factory=dict)
    tools: Tools = "saved"
    ontologies: tuple[Path, ...] = ()
    jobs: int = 1
    skip_bad: int = 0


@attrs.frozen
class Built:
    """What a build did.

    Attributes:
        manifest: Of the dataset.
        notes: What a reader should know: rows that were skipped, tools that did not run.
        read: Units that were read now.
        reused: Units that an earlier, interrupted call had read.
    """

    manifest: DatasetManifest
    notes: tuple[str, ...]
    read: int
    reused: int


def build(
    options: BuildOptions,
    begun: Callable[[int], None] = lambda bytes_: None,
    progress: Callable[[Done], None] = lambda done: None,
    storage: Storage | None = None,
) -> Built:
    """Build a dataset.

    Args:
        options: What.
        begun: Told how many bytes of input there are.
        progress: Told each unit that is done.
        storage: Does the writing.

    Raises:
        ConfigError: Something is at `out` already.
        DataError: The input can't be used.
        Interrupted: Ctrl-C; what was read is kept, and the same call goes on.
        ResourceError: The disk refuses.
        BusyError: Another process builds the same.
    """
    storage = storage or Storage()
    if options.out.exists():
        raise ConfigError(f"{options.out} is there already; choose another --out, or remove it")
    work = options.out.parent / f".{options.out.name}.building"
    try:
        with disk_errors(work, "can't write"):
            storage.make_directory(work)
        with RunLock(work), disk_errors(work, "can't write"):
            return _build(options, work, begun, progress, storage)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; what was read is kept in {work}, the same command goes on", 130
        ) from None


def _build(
    options: BuildOptions,
    work: Path,
    begun: Callable[[int], None],
    progress: Callable[[Done], None],
    storage: Storage,
) -> Built:
    faults = Faults(options.skip_bad)
    inputs = Inputs(options.paths, options.columns, options.filters.most_bytes, faults)
    units = list(inputs.units())
    faults.settle()
    begun(sum(unit.bytes for unit in units))
    place = Workplace(work, options.filters, storage)
    done = []
    for unit in read_units(place, units, options.jobs):
        done.append(unit)
        progress(unit)
    notes = [f"skipped {problem}" for problem in faults.listed]
    if inputs.passed:
        notes.append(f"{inputs.passed} folders of dependencies and builds were not looked into")
    reports = _reports(inputs.projects, options.tools, notes)
    ontology = _ontology(options)
    folder = work / "dataset"
    storage.remove(folder)
    storage.make_directory(folder)
    paths = list(dict.fromkeys(place.path(unit) for unit in units))
    if not paths:
        raise DataError(f"no Elixir in {', '.join(map(str, options.paths))}")
    settings = described(options)
    manifest = assemble(paths, reports, ontology, options.choices, folder, settings, storage)
    storage.sync_directory(folder)
    storage.rename(folder, options.out)
    storage.remove(work)
    reused = sum(unit.reused for unit in done)
    return Built(manifest, tuple(notes), len(done) - reused, reused)


def _ontology(options: BuildOptions) -> Surroundings | None:
    return from_turtle(options.ontologies) if options.ontologies else None


def _reports(
    projects: Sequence[Project], tools: Tools, notes: list[str]
) -> dict[str, list[Report]]:
    found: dict[str, list[Report]] = {}
    for project in projects:
        if tools != "none":
            saved = list(saved_reports(project))
            run = list(run_reports(project, notes)) if tools == "run" and not saved else []
            found.setdefault(project.name, []).extend(saved or run)
    return found


def described(options: BuildOptions) -> dict[str, str]:
    """Return the settings that decide what a dataset holds, as its manifest has them."""
    return {
        "paths": ", ".join(map(str, options.paths)),
        "largest": str(options.filters.most_bytes),
        "licences": ", ".join(sorted(options.filters.licences)) or "all",
        "generated": "kept" if options.filters.generated else "left out",
        "near": f"{options.choices.near:g}",
        "duplicates": "kept" if options.choices.keep_duplicates else "left out",
        "split by": options.choices.by,
        "shares": ", ".join(f"{s} {share:g}" for s, share in options.choices.shares.items()),
        "seed": str(options.choices.seed),
        "labels": options.tools,
        "ontologies": ", ".join(map(str, options.ontologies)) or "syntax trees",
    }
