"""Which tests are of which sources: by the path's convention, and by the names of modules."""

from __future__ import annotations

from collections.abc import Sequence

import attrs


@attrs.frozen
class Member:
    """A file of a package, as far as pairing goes.

    Attributes:
        id: Of its row.
        path: Below the package.
        kind: "source", "test" or "support".
        modules: What it defines.
    """

    id: str
    path: str
    kind: str
    modules: tuple[str, ...]


def paired(members: Sequence[Member]) -> dict[str, list[str]]:
    """Return the ids that each file is paired with, both ways.

    `test/a/b_test.exs` is of `lib/a/b.ex`; `A.BTest` is of the file that defines `A.B`.
    """
    sources = [member for member in members if member.kind == "source"]
    by_path = {_stem(source.path): source.id for source in sources}
    by_module = {name: source.id for source in reversed(sources) for name in source.modules}
    found: dict[str, list[str]] = {}
    for test in members:
        if test.kind != "test":
            continue
        tested = [by_path.get(_stem(test.path))]
        for name in test.modules:
            if name.endswith("Test"):
                tested.append(by_module.get(name.removesuffix("Test")))
        for source in dict.fromkeys(filter(None, tested)):
            found.setdefault(test.id, []).append(source)
            found.setdefault(source, []).append(test.id)
    return found


def _stem(path: str) -> str:
    """Return a path without what tells a test from its source."""
    stem = path.removesuffix(".exs").removesuffix(".ex").removesuffix("_test")
    for folder in ("test/", "lib/", "src/"):
        stem = stem.removeprefix(folder)
    return stem
