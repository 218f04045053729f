"""The files of a new plugin, from templates that the package holds."""

from __future__ import annotations

import keyword
import string
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import attrs

from ectrain.errors import ConfigError
from ectrain.offers import installed
from ectrain.plugins import usable_name

# Where a file goes: the template that it comes from. $-names are filled in, in both.
_ALL = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README_$kind.md",
    ".gitignore": "gitignore",
    ".github/workflows/test.yml": "test.yml",
    "src/$package/__init__.py": "init_$what.py",
    "src/$package/py.typed": "py.typed",
    "tests/test_contract.py": "test_contract_$what.py",
    "tests/test_$name.py": "test_$kind.py",
}
_TASK = {
    **_ALL,
    "src/$package/task.py": "task_$kind.py",
    "src/$package/rows.jsonl": "rows_$kind.jsonl",
}


@attrs.frozen
class Kind:
    """A kind of plugin that can be started.

    Attributes:
        does: What it is for, in a phrase.
        what: "task" or "observer".
        files: Templates by the path that they are for.
        entry: What its entry point refers to.
        dependencies: Of its distribution.
        check: What its automation runs after its tests.
        again: Words that run it.
    """

    does: str
    what: str = "task"
    files: Mapping[str, str] = attrs.field(factory=lambda: _TASK, repr=False)
    entry: str = "$package"
    dependencies: str = '"attrs>=23.2", "ectrain", "numpy>=1.26", "torch>=2.10"'
    check: str = "ectrain plugins check $name --certificate certificate.md"
    again: str = "ectrain run --tasks $name --curriculum short --scale 0.5"

    @property
    def group(self) -> str:
        """Its entry-point group."""
        return f"ectrain.{self.what}s"


_ROLLOUT = {"src/$package/reward.py": "reward.py", "src/$package/weighted.py": "weighted.py"}

# Each kind's templates end in its name.
KINDS: Mapping[str, Kind] = {
    "label": Kind("which labels a whole text has"),
    "token": Kind("tokens that are hidden in a text"),
    "sequence": Kind("what is written after a prompt"),
    "rollout": Kind("answers of its own that earn most", files={**_TASK, **_ROLLOUT}),
    "observer": Kind(
        "nothing, it watches a run",
        what="observer",
        files={**_ALL, "src/$package/observer.py": "observer.py"},
        entry="$package:observer",
        dependencies='"ectrain"',
        check="ectrain plugins list --load",
        again="ectrain run --tasks codegen --curriculum short --scale 0.1 --with $name",
    ),
}


@attrs.frozen
class Names:
    """How a task and what belongs to it are called.

    Attributes:
        name: The task, `my_task`.
        distribution: What is installed, `ectrain-my-task`.
        package: What is imported, `ectrain_my_task`.
        title: Its class without the last word, `MyTask`.
        kind: What kind of plugin it is.
    """

    name: str
    distribution: str
    package: str
    title: str
    kind: str

    @classmethod
    def of(cls, name: str, kind: str) -> Names:
        """Return the names that follow from a plugin's.

        Raises:
            ConfigError: No plugin can be named so, or an installed one is.
        """
        what = KINDS[kind].what
        if not usable_name(name) or keyword.iskeyword(name) or name != name.strip("_"):
            near = "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_")
            hint = f"; how about {near!r}" if near != name and usable_name(near) else ""
            raise ConfigError(
                f"{what} name {name!r}: expected a lower-case word of letters, digits and _ that "
                f"can name a module{hint}"
            )
        if name in (there := installed(KINDS[kind].group)):
            raise ConfigError(f"{what} {there[name]} is installed already; choose another name")
        title = "".join(part.capitalize() for part in name.split("_"))
        return cls(name, f"ectrain-{name.replace('_', '-')}", f"ectrain_{name}", title, kind)

    def filled(self, text: str) -> str:
        """Return a text with every $-name filled in."""
        kind = KINDS[self.kind]
        words = {**attrs.asdict(self), **attrs.asdict(kind, recurse=False), "group": kind.group}
        words |= {key: string.Template(words[key]).substitute(words) for key in _NESTED}
        return string.Template(text).substitute(words)


_NESTED = ("entry", "check", "again")  # themselves texts with $-names


def write_scaffold(folder: Path, names: Names) -> list[Path]:
    """Write a new distribution, and return its files' paths inside the folder.

    Args:
        folder: A directory that does not exist yet, or is empty.
        names: What it and its parts are called.

    Raises:
        ConfigError: There is something in the folder already; nothing was written.
        ResourceError: The disk refuses.
    """
    from ectrain.storage import disk_errors

    with disk_errors(folder, "can't write"):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigError(f"{folder} exists already; choose another --out")
        written = []
        for target, template in KINDS[names.kind].files.items():
            path = Path(names.filled(target))
            text = _template(names.filled(template))
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            filled = text if path.suffix == ".jsonl" else names.filled(text)
            (folder / path).write_text(filled, encoding="utf-8")
            written.append(path)
    return written


def _template(name: str) -> str:
    return (resources.files("ectrain_cli") / "templates" / f"{name}.tmpl").read_text("utf-8")
