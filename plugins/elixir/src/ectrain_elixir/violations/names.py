"""Names that are drawn for a file: its modules, functions, variables, keys and words."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

PARAMETERS: dict[str, tuple[str, ...]] = {
    "list": ("items", "orders", "users", "rows", "pages", "lines", "tags", "prices", "events"),
    "map": ("state", "params", "settings", "account", "profile", "record", "context", "session"),
    "text": ("name", "title", "label", "body", "query", "slug", "subject", "comment"),
    "num": ("size", "limit", "total", "amount", "offset", "width", "score", "weight"),
    "opts": ("opts", "options", "config", "flags"),
    "path": ("path", "folder", "target", "source", "location"),
    "value": ("value", "result", "payload", "message", "data", "input", "reply", "token"),
    "flag": ("active", "enabled", "visible", "done", "ready", "strict", "open"),
}
KEYS = (
    "status", "email", "kind", "city", "owner", "color", "price", "stock", "level", "phase",
    "role", "unit", "month", "region", "rank", "branch",
)  # fmt: skip
APPS = ("Shop", "Blog", "Desk", "Fleet", "Studio", "Clinic", "Garden", "Harbor", "Museum", "Farm")
PARTS = (
    "Billing", "Catalog", "Accounts", "Search", "Uploads", "Reports", "Stock", "Routing", "Mailer",
    "Planner", "Audit", "Pricing", "Exports", "Sessions",
)  # fmt: skip
MODULES = (
    "Invoice", "Parser", "Loader", "Customer", "Cache", "Ticket", "Driver", "Ledger", "Worker",
    "Visit", "Sensor", "Queue", "Letter", "Page", "Recipe", "Tariff", "Deposit", "Badge", "Coupon",
    "Device", "Folder", "Gallery", "Inbox", "Journal", "Locker", "Notice", "Parcel", "Roster",
)  # fmt: skip
WORDS = (
    "pending", "north", "draft", "paper", "amber", "weekly", "silver", "ticket", "garden", "winter",
    "express", "copper", "basic", "harvest", "lemon", "signal", "river", "orbit", "velvet", "maple",
)  # fmt: skip
VERBS = (
    "load", "build", "update", "merge", "store", "render", "collect", "find", "prepare", "convert",
    "assign", "notify", "split", "order", "close", "register", "archive", "schedule", "track",
)  # fmt: skip
NOUNS = (
    "invoice", "batch", "report", "visitor", "entry", "summary", "position", "member", "letter",
    "chapter", "parcel", "route", "reading", "balance", "widget", "booking", "sample", "draft",
)  # fmt: skip
LOCALS = ("found", "updated", "parsed", "built", "loaded", "merged", "chosen", "first_one")
OTHERS = ("extra", "previous", "current", "latest", "fallback", "second_one")

_GAP = re.compile(r"\$([a-zA-Z]+(?:_var)?)(\d?)")


class Names:
    """The names of one file; its application and the module it is in stay the same.

    Args:
        rng: What they are drawn with.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.app, self.part, self.module = (rng.choice(p) for p in (APPS, PARTS, MODULES))
        self._functions: set[str] = set()
        self._modules = {self.module}

    def filled(self, *texts: Sequence[str]) -> tuple[list[list[str]], list[str]]:
        """Return texts with their gaps filled, the same name in each for the same gap.

        Returns:
            The lines of each text, and the names of parameters in the order of the first one.
        """
        drawn: dict[str, str] = {}
        parameters: dict[str, str] = {}

        def fill(gap: re.Match[str]) -> str:
            kind, number = gap.groups()
            key = kind + number
            if key not in drawn:
                drawn[key] = self._draw(kind, set(drawn.values()))
            if kind in PARAMETERS:
                parameters[key] = drawn[key]
            return drawn[key]

        filled = [[_GAP.sub(fill, line) for line in text] for text in texts]
        return filled, list(parameters.values())

    def function(self) -> str:
        """Return a function's name that the file does not have."""
        while True:
            name = f"{self._rng.choice(VERBS)}_{self._rng.choice(NOUNS)}"
            if name not in self._functions:
                self._functions.add(name)
                return name

    def _draw(self, kind: str, taken: set[str]) -> str:
        if kind == "name":
            return self.function()
        if kind in ("camelName", "camelVar"):
            return _camel(self.function())
        if kind == "App":
            return self.app
        if kind == "Mod":  # Credo judges a module by whether another one has the same last name
            taken = self._modules
        pool = _POOLS.get(kind) or PARAMETERS[kind]
        name = self._rng.choice([name for name in pool if name not in taken])
        if kind == "Mod":
            self._modules.add(name)
        return name


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


_POOLS: dict[str, tuple[str, ...]] = {
    "key": KEYS,
    "word": WORDS,
    "made": LOCALS,
    "other": OTHERS,
    "Mod": MODULES,
    "Part": PARTS,
    "snake_var": tuple(f"{word}_{noun}" for word in ("max", "default", "old") for noun in NOUNS),
}
