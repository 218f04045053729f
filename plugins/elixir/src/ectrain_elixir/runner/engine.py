"""What this machine can do, and the runner that suits: one of each kind for a process."""

import atexit
import functools

from ectrain.errors import PluginError, SandboxError
from ectrain.offers import SANDBOXES, chosen, harmless
from ectrain_elixir.runner import bubblewrap, toolchain
from ectrain_elixir.runner.bubblewrap import Bubblewrap
from ectrain_elixir.runner.limited import Bare
from ectrain_elixir.runner.model import Availability, Program
from ectrain_elixir.runner.pool import Mode, PooledRunner
from ectrain_elixir.runner.toolchain import find_toolchain

_KNOWN_GOOD = Program(
    code="defmodule EctrainCheck do\n  def one, do: 1\nend\n",
    tests="""
    defmodule EctrainCheckTest do
      use ExUnit.Case
      test "one", do: assert EctrainCheck.one() == 1
    end
    """,
    test_names=("one",),
)


def availability() -> Availability:
    """Return whether programs can be run here; the first call starts Elixir once (a second)."""
    try:
        elixir = find_toolchain()
    except SandboxError as error:
        return Availability(None, None, why=str(error), remedy=toolchain.REMEDY)
    try:
        _strict("strict")
    except SandboxError as error:
        return Availability(elixir.version, None, why=str(error), remedy=bubblewrap.REMEDY)
    return Availability(elixir.version, "strict")


def find_runner(sandbox: str = "auto", mode: Mode = "strict") -> PooledRunner:
    """Return this process's runner, which has judged a known program right.

    Args:
        sandbox: "strict", or "auto" for the same: a weaker tier is never chosen silently.
            "limited" keeps resource limits only; programs can read files and use the network.
            Any other is of an installed plugin: a class of `Sandbox` without arguments, under
            `ectrain.sandboxes`; its tier, by which results are told, is its name.
        mode: "strict" for figures that are reported: a pristine machine for each program. "warm"
            for rewards in training: much faster, machines are used again after a check.

    Raises:
        SandboxError: If programs cannot be run here; it says why and what to type.
        ConfigError: If no plugin offers a sandbox of that name.
        PluginError: If the plugin that does cannot be used; it is named.
    """
    if sandbox in ("auto", "strict"):
        return _strict(mode)
    return _limited(mode) if sandbox == "limited" else _offered(sandbox, mode)


@functools.cache
def _strict(mode: Mode) -> PooledRunner:
    found = find_toolchain()
    sandbox = Bubblewrap()
    sandbox.check()
    return _checked(PooledRunner(found, sandbox, mode))


@functools.cache
def _limited(mode: Mode) -> PooledRunner:
    return _checked(PooledRunner(find_toolchain(), Bare(), mode))


@functools.cache
def _offered(name: str, mode: Mode) -> PooledRunner:
    offer = chosen(name, SANDBOXES, "sandbox")
    with harmless(offer):
        found = offer.load()()
    if not callable(getattr(found, "start", None)) or getattr(found, "tier", None) != name:
        raise PluginError(
            f"plugin {offer}: {offer.value} makes {found!r:.60}, expected a Sandbox with "
            f"tier = {name!r} and start"
        )
    return _checked(PooledRunner(find_toolchain(), found, mode))


def _checked(runner: PooledRunner) -> PooledRunner:
    atexit.register(runner.close)
    verdict = runner.run(_KNOWN_GOOD)
    if not verdict.passed:
        said = " ".join((verdict.message or verdict.output).split())
        raise SandboxError(
            f"the {runner.tier} sandbox judges a program that is right {verdict.status} ({said}); "
            "report it with the versions of Elixir, Erlang and bubblewrap"
        )
    return runner
