"""Small LiveViews, composed of features, with their tests.

Phoenix can't be asked here whether a test passes: `stubs.py` says how far these are verified.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from functools import cache

from ectrain.task import SPLITS, Split
from ectrain_elixir.katas.splits import LEAST
from ectrain_elixir.testpairs.exunit import Block, Suite, suite
from ectrain_elixir.testpairs.features import FEATURES, Feature
from ectrain_elixir.testpairs.pair import TestPair

APPS = ("Shop", "Blog", "Desk", "Club", "Farm")
PAGES = ("Home", "Board", "Panel", "Room", "Cart", "Stage")
MOST_FEATURES = 3
HELD_OUT = 5  # one composition in so many goes to val or test


def liveview_pairs(split: Split, size: int = 400, seed: int = 0) -> Sequence[TestPair]:
    """Return LiveViews with their tests; a set of features is in one split only.

    Args:
        split: Which.
        size: Pairs of train; val and test have a tenth, at least 64.
        seed: Of what is drawn.
    """
    return _drawn(size, seed)[split]


@cache
def _drawn(size: int, seed: int) -> Mapping[Split, tuple[TestPair, ...]]:
    held_out = max(LEAST, size // 10)
    left: dict[Split, int] = {"train": size, "val": held_out, "test": held_out}
    found: dict[Split, list[TestPair]] = {split: [] for split in SPLITS}
    seen: set[str] = set()
    number = 0
    while any(left.values()):
        rng = random.Random(f"liveview/{seed}/{number}")
        number += 1
        names = rng.sample(list(FEATURES), rng.randint(1, MOST_FEATURES))
        split = _split_of(names)
        if not left[split]:
            continue
        pair = liveview_pair(names, rng)
        if pair.code not in seen:
            seen.add(pair.code)
            found[split].append(pair)
            left[split] -= 1
    return {split: tuple(pairs) for split, pairs in found.items()}


def _split_of(names: Sequence[str]) -> Split:
    """Return the split of a set of features; single ones are all in train."""
    if len(names) == 1:
        return "train"
    mark = hashlib.sha256(f"liveview/{'+'.join(sorted(names))}".encode()).digest()
    point = int.from_bytes(mark[:8], "big")
    return "train" if point % HELD_OUT else ("val", "test")[point // HELD_OUT % 2]


def liveview_pair(names: Sequence[str], rng: random.Random) -> TestPair:
    """Return a LiveView with these features, and its tests."""
    app, page = rng.choice(APPS), rng.choice(PAGES)
    module = f"{app}Web.{page}Live"
    path = f"/{page.lower()}" if rng.random() < 0.5 else ""
    features = [FEATURES[name](rng) for name in names]
    code = _code(app, module, path, features)

    def writer(again: random.Random) -> Suite:
        return _suite(app, module, path, features, again)

    made = writer(rng)
    return TestPair(
        id=f"liveview-{hashlib.sha256(code.encode()).hexdigest()[:10]}",
        group=f"liveview:{'+'.join(sorted(names))}",
        kind="liveview",
        code=code,
        tests=made.text,
        test_names=made.names,
        family="liveview",
        writer=writer,
    )


def _code(app: str, module: str, path: str, features: Sequence[Feature]) -> str:
    assigns = ", ".join(text for feature in features for text in feature.assigns)
    template = [line for feature in features for line in feature.template]
    events = [line for feature in features for event in feature.events for line in ("", *event)]
    lines = [
        f'@moduledoc "The page at {path}."' if path else "@moduledoc false",
        f"use {app}Web, :live_view",
        "",
        "@impl true",
        "def mount(_params, _session, socket) do",
        f"  {{:ok, assign(socket, {assigns})}}",
        "end",
        "",
        "@impl true",
        "def render(assigns) do",
        '  ~H"""',
        *(f"  {line}" for line in template),
        '  """',
        "end",
        "",
        "@impl true",
        *events[1:],
    ]
    inside = "".join(f"  {line}\n" if line else "\n" for line in lines)
    return f"defmodule {module} do\n{inside}end\n"


def _suite(
    app: str, module: str, path: str, features: Sequence[Feature], rng: random.Random
) -> Suite:
    """Return tests: of what the page shows first, then one of each feature."""
    start = f'live(conn, "{path}")' if path else f"live_isolated(conn, {module})"
    blocks = []
    if rng.random() < 0.7:
        shown = [f'assert html =~ "{text}"' for feature in features for text in feature.shows]
        if shown:
            lines = (f"{{:ok, _view, html}} = {start}", *shown)
            blocks.append(Block("shows the page", lines, "%{conn: conn}"))
    for feature in features:
        way = rng.choice(feature.tests)
        lines = (f"{{:ok, view, _html}} = {start}", "", *way)
        blocks.append(Block(feature.title, lines, "%{conn: conn}"))
    case = f"{app}Web.ConnCase{rng.choice(('', ', async: true'))}"
    describe = rng.choice(("", "", module.rpartition(".")[2]))
    return suite(module, case, ["import Phoenix.LiveViewTest"], describe, blocks)
