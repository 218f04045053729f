"""Work that can be interrupted: what was read of each unit is kept until the whole is done.

The folder of work lies beside the dataset's. A unit's file is there whole or not at all, and its
name says what it was read from and how, so that the same command later goes on where it ended.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

import attrs

from ectrain.storage import Storage
from ectrain_elixir.datasets.inputs import Unit
from ectrain_elixir.datasets.outline import ModuleOutline, Outline
from ectrain_elixir.datasets.reading import Dropped, Filters, Kept, read_unit

READING = 1  # version of what is read of a file: another one reads everything anew
POOL_BYTES = 32 << 20  # of input, below which starting processes costs more than they save
_AHEAD = 2  # units for each process that wait for it


@attrs.frozen
class Done:
    """A unit that was read.

    Attributes:
        path: Its file.
        bytes: Of its input.
        reused: Whether an earlier, interrupted call read it.
    """

    path: Path
    bytes: int
    reused: bool


@attrs.frozen
class Workplace:
    """Where units are kept.

    Attributes:
        folder: Its folder.
        filters: How units are read.
        storage: Does the writing.
    """

    folder: Path
    filters: Filters
    storage: Storage

    def path(self, unit: Unit) -> Path:
        """Return the file of a unit."""
        filters = [
            self.filters.most_bytes,
            sorted(self.filters.licences),
            self.filters.generated,
        ]
        key = hashlib.sha256(json.dumps([READING, filters, unit.mark()]).encode()).hexdigest()
        return self.folder / f"{key[:32]}.jsonl"

    def read(self, unit: Unit, path: Path) -> Path:
        """Read a unit and keep it."""
        kept, dropped = read_unit(unit, self.filters)
        first = json.dumps([[file.path, file.package, file.why] for file in dropped])
        lines = [first, *(json.dumps(_plain(file), ensure_ascii=False) for file in kept), ""]
        self.storage.replace(path, "\n".join(lines).encode())
        return path


def read_units(place: Workplace, units: Sequence[Unit], jobs: int) -> Iterator[Done]:
    """Read the units that were not, in any order, and yield each as it is done."""
    waiting = []
    for unit in units:
        path = place.path(unit)
        if path.is_file():
            yield Done(path, unit.bytes, True)
        else:
            waiting.append((unit, path))
    if jobs <= 1 or len(waiting) <= 1 or sum(unit.bytes for unit, _ in waiting) < POOL_BYTES:
        for unit, path in waiting:
            yield Done(place.read(unit, path), unit.bytes, False)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(waiting)), mp_context=context) as pool:
        yield from _pooled(pool, place.read, waiting, jobs)


def _pooled(
    pool: ProcessPoolExecutor,
    read: Callable[[Unit, Path], Path],
    waiting: Sequence[tuple[Unit, Path]],
    jobs: int,
) -> Iterator[Done]:
    left = iter(waiting)
    running: dict[Future[Path], Unit] = {}
    try:
        while True:
            while len(running) < jobs * _AHEAD and (item := next(left, None)) is not None:
                running[pool.submit(read, *item)] = item[0]
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield Done(future.result(), running.pop(future).bytes, False)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def stored(path: Path) -> tuple[list[Dropped], Iterator[Kept]]:
    """Return what a unit's file holds."""
    lines = path.read_bytes().split(b"\n")
    dropped = [Dropped(*entry) for entry in json.loads(lines[0])]
    return dropped, (_made(json.loads(line)) for line in lines[1:] if line)


def _plain(file: Kept) -> list[Any]:
    modules = [[getattr(m, name) for name in _MODULE] for m in file.outline.modules]
    changed = {"outline": modules, "signature": file.signature.hex()}
    return [changed.get(name, getattr(file, name)) for name in _KEPT]


def _made(values: Sequence[Any]) -> Kept:
    found = dict(zip(_KEPT, values, strict=True))
    found["outline"] = Outline(tuple(_module(entry) for entry in found["outline"]))
    found["signature"] = bytes.fromhex(found["signature"])
    found["remote"], found["notes"] = tuple(found["remote"]), tuple(found["notes"])
    return Kept(**found)


def _module(entry: Sequence[Any]) -> ModuleOutline:
    found = dict(zip(_MODULE, entry, strict=True))
    lists = {name: tuple(found[name]) for name in _MODULE if name not in ("name", "kind", "links")}
    links = tuple((word, target) for word, target in found["links"])
    return ModuleOutline(name=found["name"], kind=found["kind"], links=links, **lists)


_KEPT = tuple(a.name for a in attrs.fields(Kept))
_MODULE = tuple(a.name for a in attrs.fields(ModuleOutline))
