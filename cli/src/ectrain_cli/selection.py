"""From the words of the command line to the configuration of a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ectrain.errors import UnknownTaskError, did_you_mean

if TYPE_CHECKING:
    from ectrain.config import RunConfig


def configuration(
    tasks: tuple[str, ...] | None = None,
    config: Path | None = None,
    settings: tuple[str, ...] = (),
    data: Path | None = None,
    size: str | None = None,
    device: str | None = None,
    curriculum: str | None = None,
    scale: float | None = None,
    init: Path | None = None,
) -> RunConfig:
    """Return the configuration that the selection options ask for.

    Raises:
        ConfigError: Some of it can't be used.
    """
    import attrs

    from ectrain.config import load_config

    found = load_config(config, settings, tasks, size)
    paths = {"data": data and str(data), "init": init and str(init)}
    flags = {**paths, "curriculum": curriculum, "scale": scale}
    given: dict[str, Any] = {key: value for key, value in flags.items() if value is not None}
    if device is not None:
        given["device"] = attrs.evolve(found.device, name=device)
    return attrs.evolve(found, **given) if given else found


def default_run_directory(config: RunConfig) -> Path:
    """Return where a run is kept unless told: the same configuration has the same place.

    So the same command again goes on with the run, and another one never mixes with it.
    """
    from ectrain.config import to_dict

    text = json.dumps(to_dict(config), sort_keys=True)
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    names = "-".join(config.tasks)
    return Path("data", "runs", f"{names[:60]}-{mark}")


def known_tasks(names: Sequence[str] | None, known: Iterable[str]) -> list[str]:
    """Return the named tasks, or all known ones when none is named.

    Raises:
        UnknownTaskError: The run was not trained on one of them.
    """
    offered = list(known)
    for name in names or ():
        if name not in offered:
            near = did_you_mean(name, offered)
            raise UnknownTaskError(f"task {name!r} is not one that this run was trained on{near}")
    return list(names or offered)
