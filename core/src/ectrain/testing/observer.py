"""The contract of observers: laws that each must keep, as pytest tests.

In an observer's test file::

    from ectrain.testing import observer_contract
    import my_observer

    test_contract = observer_contract(lambda: my_observer)
"""

from __future__ import annotations

import contextlib
import copy
import io
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pluggy

from ectrain.hookspecs import OBSERVER_API, ObserverHooks
from ectrain.observers import HOOKS
from ectrain.offers import version_problem
from ectrain.testing.law import require
from ectrain.testing.process_state import changed, process_state

SECONDS = 1.0  # that a hook may keep training waiting, unless told
END_SECONDS = 30.0  # that the last hook may take, unless told

_AT = "2026-01-02T03:04:05.678901+00:00"
_ESTIMATE = {"value": 0.5, "n": 8, "low": 0.2, "high": 0.8, "why": ""}
_MISSING = {"value": None, "n": 0, "low": None, "high": None, "why": "no such tool"}


def events(directory: Path, resumed: bool = False) -> list[dict[str, Any]]:
    """Return the events of a small run as its log has them, undefined figures included.

    Args:
        directory: Of the run.
        resumed: Whether it goes on from a checkpoint.
    """
    path = str(directory / "checkpoints" / "000002")
    started = {
        "ectrain": "0.1.0",
        "torch": "2.13.0",
        "python": "3.11.7",
        "device": "cpu",
        "dtype": "float32",
        "compiled": False,
        "tasks": {"echo": {"distribution": "toys", "version": "1.0"}},
        "parameters": {"trunk": 10, "heads": {"echo": 2}, "total": 12, "trainable": 12},
        "tokenizer": {"size": 320, "fingerprint": "ab"},
        "data": {"echo": {"train": 8, "val": 2, "test": 2}},
        "total_steps": 4,
        "seed": 0,
        "resumed_from": path if resumed else None,
    }
    place = {"epoch": 1, "phase": "first"}
    step = {
        **place,
        "losses": {"echo": 1.5},
        "rate": 0.01,
        "grad_norm": 0.7,
        "tokens": 64,
        "tokens_per_s": 100.0,
        "targets": {"echo": 8},
    }
    measured = {
        **place,
        "step": 4,
        "metrics": {"echo/loss": 1.25, "echo/accuracy": None, "loss": 0.5},
        "estimates": {"echo/pass@1": _ESTIMATE, "echo/spoken": _MISSING},
    }
    saved = {"step": 4, "epoch": 1, "path": path, "best": True, "seconds": 0.1}
    ended = {"status": "finished", "reason": "its planned length", "steps": 4, "epochs": 1}
    told: list[tuple[str, dict[str, Any]]] = [
        ("run_started", started),
        *(("step", {"step": number, **step}) for number in range(3 if resumed else 1, 5)),
        ("evaluated", {"split": "val", **measured}),
        ("checkpoint_saved", saved),
        ("evaluated", {"split": "test", "baselines": {"echo/guess": _ESTIMATE}, **measured}),
        ("run_ended", {**ended, "seconds": 1.0, "tokens": 256, "claims": []}),
    ]
    return [{"event": kind, "time": _AT, **fields} for kind, fields in told]


@attrs.frozen
class Watcher:
    """An observer under test.

    Attributes:
        make: Returns it.
        seconds: That a hook may keep training waiting.
        end_seconds: That the last hook may take.
    """

    make: Callable[[], Any]
    seconds: float = SECONDS
    end_seconds: float = END_SECONDS

    def hooks(self) -> pluggy.PluginManager:
        """Return what calls its hooks."""
        manager = pluggy.PluginManager("ectrain")
        manager.add_hookspecs(ObserverHooks)
        manager.register(self.make())
        manager.check_pending()
        return manager


Told = tuple[str, Mapping[str, Any], Mapping[str, Any], Sequence[Any], float]


def _watch(watcher: Watcher, directory: Path, resumed: bool = False, most: int = 99) -> list[Told]:
    """Tell an observer of a run; return hook, event before and after, answers and seconds."""
    hooks = watcher.hooks().hook
    found: list[Told] = []
    for event in events(directory, resumed)[:most]:
        hook, before = HOOKS[event["event"]], copy.deepcopy(event)
        began = time.perf_counter()
        answers = getattr(hooks, hook)(event=event, directory=directory)
        found.append((hook, before, event, answers, time.perf_counter() - began))
    return found


def hooks_are_known(watcher: Watcher, directory: Path) -> None:
    """It has a hook at least, each as `ObserverHooks` has it, for a version that is understood."""
    try:
        manager = watcher.hooks()
    except Exception as error:
        require(False, f"{error}; name hooks and arguments as ObserverHooks does")
    (plugin,) = manager.get_plugins()
    callers = manager.get_hookcallers(plugin) or []
    require(bool(callers), "it has no hook; mark at least one with ectrain.hookspecs.hookimpl")
    problem = version_problem(getattr(plugin, "api", OBSERVER_API), OBSERVER_API)
    require(problem is None, f"{problem}; set api to the version that it was written for")


def whole_runs_are_taken(watcher: Watcher, directory: Path) -> None:
    """It takes every event of a run, with figures that are undefined, and says nothing odd."""
    for hook, _, event, answers, _ in _watch(watcher, directory):
        odd = next((answer for answer in answers if not isinstance(answer, str)), None)
        require(
            odd is None,
            f"{hook} gives {odd!r} for {event['event']}; return a sentence for the log, or None",
        )


def runs_that_go_on_are_taken(watcher: Watcher, directory: Path) -> None:
    """It takes the events of a run that was cut short and goes on in the same directory."""
    _watch(watcher, directory, most=4)
    _watch(watcher, directory, resumed=True)


def events_are_left_alone(watcher: Watcher, directory: Path) -> None:
    """It leaves events as they are."""
    for hook, before, after, _, _ in _watch(watcher, directory):
        require(before == after, f"{hook} changes the event; work on a copy")


def the_process_is_left_alone(watcher: Watcher, directory: Path) -> None:
    """It leaves stdout, random numbers, settings, signals and threads of the process as they were.

    Looked at in its second run: a library that it imports may set itself up in the first.
    """
    _watch(watcher, directory)
    before = process_state()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        _watch(watcher, directory, resumed=True)
    odd = changed(before, process_state())
    odd = [name for name in odd if name != "sys.stdout"]
    require(not odd, f"it changes {', '.join(odd)}; put back what it changes")
    text = printed.getvalue()
    require(not text, f"it prints {text[:60]!r}; use the logging module, which goes to stderr")


def training_does_not_wait(watcher: Watcher, directory: Path) -> None:
    """Its hooks return soon, and its last one in bounded time."""
    for hook, _, _, _, seconds in _watch(watcher, directory):
        most = watcher.end_seconds if hook == "ectrain_run_ended" else watcher.seconds
        require(
            seconds <= most,
            f"{hook} took {seconds:.1f} s, at most {most:g} s are given; hand what is slow to "
            "ectrain.background.Background",
        )


ObserverLaw = Callable[[Watcher, Path], None]

OBSERVER_LAWS: tuple[ObserverLaw, ...] = (
    hooks_are_known,
    whole_runs_are_taken,
    runs_that_go_on_are_taken,
    events_are_left_alone,
    the_process_is_left_alone,
    training_does_not_wait,
)


def observer_contract(
    make: Callable[[], Any], *, seconds: float = SECONDS, end_seconds: float = END_SECONDS
) -> Callable[..., None]:
    """Return a pytest test that holds an observer to every law, one case each.

    Args:
        make: Returns the observer: a module or an object with hooks.
        seconds: That a hook may keep training waiting.
        end_seconds: That the last hook may take.
    """
    import pytest

    watcher = Watcher(make, seconds, end_seconds)

    @pytest.mark.parametrize("law", OBSERVER_LAWS, ids=lambda law: law.__name__)
    def test_contract(law: ObserverLaw) -> None:
        with run_directory() as directory:
            law(watcher, directory)

    test_contract.__doc__ = "The observer keeps each law of the contract."
    return test_contract


@contextlib.contextmanager
def run_directory() -> Iterator[Path]:
    """Give a directory as a run has one, for the length of a test."""
    with tempfile.TemporaryDirectory(prefix="ectrain-observed-") as folder:
        directory = Path(folder) / "run"
        (directory / "checkpoints" / "000002").mkdir(parents=True)
        yield directory
