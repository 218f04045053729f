"""The files of a new plugin, from templates that the package holds."""

from __future__ import annotations

import keyword
import string
from importlib import resources
from pathlib import Path

import attrs

from ectrain.errors import ConfigError
from ectrain.offers import installed
from ectrain.plugins import usable_name

# Where a file goes: the template that it comes from. $-names are filled in, in both.
FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README_$kind.md",
    ".gitignore": "gitignore",
    ".github/workflows/test.yml": "test.yml",
    "src/$package/__init__.py": "init.py",
    "src/$package/task.py": "task_$kind.py",
    "src/$package/rows.jsonl": "rows_$kind.jsonl",
    "src/$package/py.typed": "py.typed",
    "tests/test_contract.py": "test_contract.py",
    "tests/test_$name.py": "test_$kind.py",
}


@attrs.frozen
class Names:
    """How a task and what belongs to it are called.

    Attributes:
        name: The task, `my_task`.
        distribution: What is installed, `ectrain-my-task`.
        package: What is imported, `ectrain_my_task`.
        title: Its class without the last word, `MyTask`.
    """

    name: str
    distribution: str
    package: str
    title: str

    @classmethod
    def of(cls, name: str) -> Names:
        """Return the names that follow from a task's.

        Raises:
            ConfigError: No task can be named so, or an installed one is.
        """
        if not usable_name(name) or keyword.iskeyword(name) or name != name.strip("_"):
            near = "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_")
            hint = f"; how about {near!r}" if near != name and usable_name(near) else ""
            raise ConfigError(
                f"task name {name!r}: expected a lower-case word of letters, digits and _ that "
                f"can name a module{hint}"
            )
        if name in installed():
            raise ConfigError(f"task {installed()[name]} is installed already; choose another name")
        title = "".join(part.capitalize() for part in name.split("_"))
        return cls(name, f"ectrain-{name.replace('_', '-')}", f"ectrain_{name}", title)


def write_scaffold(folder: Path, names: Names, kind: str) -> list[Path]:
    """Write a new distribution, and return its files' paths inside the folder.

    Args:
        folder: A directory that does not exist yet, or is empty.
        names: What it and its parts are called.
        kind: Of task: "label", "token" or "sequence".

    Raises:
        ConfigError: There is something in the folder already; nothing was written.
        ResourceError: The disk refuses.
    """
    from ectrain.storage import disk_errors

    with disk_errors(folder, "can't write"):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigError(f"{folder} exists already; choose another --out")
        words = {**attrs.asdict(names), "kind": kind}
        written = []
        for target, template in FILES.items():
            path = Path(string.Template(target).substitute(words))
            text = _template(string.Template(template).substitute(words))
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            filled = text if path.suffix == ".jsonl" else string.Template(text).substitute(words)
            (folder / path).write_text(filled, encoding="utf-8")
            written.append(path)
    return written


def _template(name: str) -> str:
    return (resources.files("ectrain_cli") / "templates" / f"{name}.tmpl").read_text("utf-8")
