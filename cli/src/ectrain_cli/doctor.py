"""`ectrain doctor`: what this machine has, what is missing, and how to get it."""

from __future__ import annotations

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from ectrain_cli import options
from ectrain_cli.extensions import Finding, findings
from ectrain_cli.terminal import columns, labelled, say, show, show_json


@click.command()
@options.as_json
@options.debug
def doctor(as_json: bool) -> None:
    """Say what this machine has, what is missing, and how to get it.

    Nothing is changed. What is missing is no error: most of ectrain works without it.
    """
    found = [*_own(), *findings()]
    if as_json:
        keys = ("what", "state", "detail", "remedy")
        show_json("doctor", {"findings": [dict(zip(keys, row, strict=True)) for row in found]})
        return
    for line in columns([row[:3] for row in found]):
        show(line)
    for what, _, _, remedy in found:
        if remedy:
            say(labelled("remedy", f"{what}: {remedy}"))


def _own() -> list[Finding]:
    free = shutil.disk_usage(Path.cwd()).free / (1 << 30)
    roomy = free >= 1
    return [
        ("ectrain", "ok", _version("ectrain"), ""),
        ("python", "ok", f"{platform.python_version()} on {platform.platform()}", ""),
        ("torch", "ok", _version("torch"), ""),
        (
            "disk",
            "ok" if roomy else "low",
            f"{free:.1f} GB free here",
            "" if roomy else "free some space, or run where there is more",
        ),
    ]


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "run from a source tree"
