"""Ten modules of Elixir's own library, with their own tests: the engine on code that people wrote.

The sources are those of Debian's package `elixir-lang`, fetched with `apt-get source`; or a folder
named by ECTRAIN_ELIXIR_SOURCE. Modules are renamed: what replaces the installation is tampering.
"""

import functools
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from ectrain_elixir.mutation import MutationEngine
from ectrain_elixir.runner import Limits, Program, availability, find_runner

MODULES = (
    *("Integer", "Keyword", "List", "Tuple", "MapSet"),
    *("Version", "Float", "Access", "Map", "Bitwise"),
)

LIMITS = Limits(cpu_s=20, wall_s=60)
pytestmark = [pytest.mark.requires_elixir, pytest.mark.slow]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of Elixir's own library, or skip with the reason why there is none."""
    missing = availability().why
    if missing:
        pytest.skip(missing)
    given = os.environ.get("ECTRAIN_ELIXIR_SOURCE")
    root = Path(given) if given else _fetched(tmp_path_factory.mktemp("elixir-source"))
    found = next(iter(root.glob("**/lib/elixir/lib/integer.ex")), None)
    if found is None:
        pytest.skip(f"no sources of Elixir below {root}")
    return found.parent.parent


def _fetched(folder: Path) -> Path:
    command = ["apt-get", "source", "--download-only", "-qq", "elixir-lang"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"Elixir's sources cannot be fetched: {error}")
    archives = list(folder.glob("*.orig.tar.*"))
    if not archives:
        pytest.skip(f"Elixir's sources cannot be fetched: {done.stderr.strip()[:200]}")
    with tarfile.open(archives[0]) as archive:
        archive.extractall(folder, filter="data")
    return folder


@functools.cache
def program(library: Path, module: str) -> Program:
    """Return a module of the library under another name, with its tests but the doctests."""
    file = re.sub(r"(?<!^)(?=[A-Z])", "_", module).lower()
    code = (library / "lib" / f"{file}.ex").read_text()
    tests = (library / "test" / "elixir" / f"{file}_test.exs").read_text()
    tests = re.sub(r"^\s*doctest.*\n|^Code\.require_file.*\n", "", tests, flags=re.MULTILINE)

    def renamed(text: str) -> str:
        return re.sub(rf"(?<![\w.:@]){module}\b(?!Test)", f"Copy{module}", text)

    return Program(renamed(code), renamed(tests), tuple(names(renamed(tests))))


def names(tests: str) -> list[str]:
    """Return the names of a suite's tests as ExUnit has them, by the indentation of the text."""
    found, block, inside = [], "", ""
    for line in tests.splitlines():
        if opened := re.match(r'(\s*)describe "(.*)" do', line):
            block, inside = f"{opened[2]} ", opened[1]
        elif block and line == f"{inside}end":
            block = ""
        elif test := re.match(r'\s*test "((?:[^"\\]|\\.)*)"', line):
            found.append(block + test[1].replace('\\"', '"'))
    return found


def test_references_pass_in_both_modes(library: Path) -> None:
    """Every module passes all of its tests, in a fresh machine and in a used one."""
    programs = [program(library, module) for module in MODULES]
    assert sum(len(p.test_names) for p in programs) > 200
    for mode in ("strict", "warm"):
        verdicts = find_runner("auto", mode).run_all(programs, LIMITS)
        failed = {m: v for m, v in zip(MODULES, verdicts, strict=True) if not v.passed}
        assert failed == {}


def test_kill_rates_are_stable(library: Path) -> None:
    """Three runs give the same outcome for every mutant, and the suites kill at least some."""
    engine = MutationEngine(sample=6, seed=3, scores=0, limits=LIMITS)
    pairs = [(p.code, p.tests) for p in (program(library, module) for module in MODULES)]
    runs = [engine.kill_rates(pairs) for _ in range(3)]
    assert {score.status for scores in runs for score in scores} == {"scored"}
    values = [[score.value for score in scores] for scores in runs]
    assert values[0] == values[1] == values[2]
    assert sum(value for value in values[0] if value is not None) > 0.3 * len(MODULES)
