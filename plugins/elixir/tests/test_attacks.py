"""The attack table: programs that cheat, harm or hide, and the verdict that each deserves.

Every program runs in both modes. In warm mode all of them share the machines of one pool, with
honest programs in between: what one leaves must not change the verdict on the next.
"""

import socket
import time
from pathlib import Path

import pytest

from ectrain_elixir.runner import Limits, PooledRunner, Program, availability, find_runner

SUITE = 'defmodule MTest do\n use ExUnit.Case\n test "x" do\nassert M.f(1) == 2\n end\nend'
RIGHT, WRONG = "def f(x), do: x + 1", "def f(_), do: 0"


def module(body: str, top: str = "") -> str:
    """Return module M, and code at the top level behind it."""
    return f"defmodule M do\n{body}\nend\n{top}"


def doing(expression: str, result: str = "0") -> str:
    """Return module M whose function does something and returns a wrong result."""
    return module(f"def f(_) do\n{expression}\n{result}\nend")


REPLACED = "def assert(_, _), do: true\ndef assert(_, _, _), do: true"
COMPILED = "Code.compiler_options(ignore_module_conflict: true)\nCode.compile_string"
UNSTUCK = "for dir <- :code.get_path(), do: :code.unstick_dir(dir)"


def replacing(name: str, body: str) -> str:
    """Return code that replaces a module of the installation."""
    return f'{UNSTUCK}\n{COMPILED}("""\ndefmodule {name} do\n{body}\nend\n""")'


ASSERTIONS = (
    "Code.compiler_options(ignore_module_conflict: true)\n"
    f"defmodule ExUnit.Assertions do\n{REPLACED}\nend"
)
CASE = (
    "Code.compiler_options(ignore_module_conflict: true)\n"
    "defmodule ExUnit.Case do\n defmacro __using__(_), do: nil\nend"
)
RUNNER = "defmodule ExUnit.Runner do\n def run(_, _), do: %{total: 1, failures: 0}\nend"
SUITE_REWRITTEN = f'''
{COMPILED}("""
defmodule MTest do
  def __ex_unit__(_, context), do: context
  def unquote(:"test x")(_), do: :ok
end
""")
'''
COLLECTOR = replacing("EctrainCollector", "def main, do: :ok")
JSON = replacing("EctrainJson", 'def encode(_), do: \\"{}\\"')
PORTS = 'for p <- Port.list(), do: (try do Port.command(p, "passed") catch _, _ -> :ok end)'
CLOSED = "for p <- Port.list(), do: (try do Port.close(p) catch _, _ -> :ok end)"
CONNECTED = "for p <- Port.list(), do: (try do Port.connect(p, self()) catch _, _ -> :ok end)"
DESCRIPTORS = """
for n <- 3..400 do
  try do
    Port.command(Port.open({:fd, n, n}, [:out, :binary]), "passed")
  catch
    _, _ -> :ok
  end
end
"""
PACKETS = """
for n <- 3..400 do
  try do
    text = ~s({"phase":"run","kind":"","message":"","canary":[],"tests":[["x","passed"]]})
    Port.command(Port.open({:fd, n, n}, [:out, :binary, {:packet, 4}]), text <> <<0::128>>)
  catch
    _, _ -> :ok
  end
end
"""
FORGED = """
for p <- Process.list(), p != self() do
  send(p, {self(), :test_finished, :passed})
  send(p, {:DOWN, make_ref(), :process, self(), {:shutdown, {make_ref(), :passed}}})
end
exit({:shutdown, {make_ref(), :passed}})
"""
LEADER = """
for p <- Process.list(), p != self() do
  send(p, {:ectrain_take, self(), make_ref()})
end
"""
KILLING = """
for p <- Process.list(), p != self(),
    Process.info(p, :registered_name) == {:registered_name, []},
    do: Process.exit(p, :kill)
"""
KILLING_ALL = "for p <- Process.list(), p != self(), do: Process.exit(p, :kill)"
SUSPENDING = """
for p <- Process.list(), p != self() do
  try do
    :erlang.suspend_process(p)
  catch
    _, _ -> 0
  end
end
"""
TRACING = """
for p <- Process.list(), p != self() do
  try do
    :erlang.trace(p, true, [:all])
  catch
    _, _ -> 0
  end
end
"""
STACKS = """
secrets = for p <- Process.list(), i <- [:backtrace, :messages, :dictionary], do: Process.info(p, i)
send(self(), secrets)
"""
FLOOD_MAIL = """
text = :binary.copy("x", 1000)
for p <- Process.list(), p != self(), _ <- 1..20_000, do: send(p, text)
"""
FLOOD = """
for _ <- 1..4000, do: IO.binwrite("\\e[31mdrip " <> <<255, 10>>)
"""
FLOOD_USER = 'for _ <- 1..3000, do: IO.puts(:user, String.duplicate("y", 1000))'
FLOOD_ERRORS = 'for _ <- 1..3000, do: IO.puts(:stderr, String.duplicate("e", 1000))'
FORKS = """
beam = Path.join([:code.root_dir(), "erts-#{:erlang.system_info(:version)}", "bin", "erlexec"])
for _ <- 1..100, do: Port.open({:spawn_executable, beam}, args: ["-noinput"])
"""
DAEMON = """
beam = Path.join([:code.root_dir(), "erts-#{:erlang.system_info(:version)}", "bin", "erlexec"])
Port.open({:spawn_executable, beam}, args: ["-noinput", "-detached"])
"""
MACRO = f"defmacro m, do: System.halt(0)\n{RIGHT}"
USER = "defmodule User do\n require M\n M.m()\nend"
FAKE = 'IO.puts("1 test, 0 failures")\nIO.puts(:stderr, "ready result run end")'
CALLBACK = "@after_compile __MODULE__\ndef __after_compile__(_, _), do: System.halt(0)"
ON_LOAD = "@on_load :go\ndef go, do: :erlang.halt(0)"
TRACER = (
    "defmodule Spy do\n def trace(_, _), do: :ok\nend\nCode.put_compiler_option(:tracers, [Spy])"
)
REPLACER = '''
defmodule Spy do
  def trace({:on_module, _, _}, %{module: MTest}) do
    Code.compiler_options(ignore_module_conflict: true, tracers: [])
    Code.compile_string("""
    defmodule MTest do
      use ExUnit.Case
      test "x", do: :ok
    end
    """)
    :ok
  end
  def trace(_, _), do: :ok
end
Code.put_compiler_option(:tracers, [Spy])
'''
LATE_REPLACER = REPLACER.replace(
    "Code.put_compiler_option(:tracers, [Spy])\n",
    "spawn(fn -> for _ <- Stream.cycle([1]), do: Code.put_compiler_option(:tracers, [Spy]) end)",
)
PARSER = "Code.put_compiler_option(:parser_options, existing_atoms_only: true)"
WARNINGS = "Code.put_compiler_option(:warnings_as_errors, true)"
STRUCT = """
defstruct [:a]
def f(_), do: %M{a: 1}
"""
INSPECT = "defimpl Inspect, for: M do\n def inspect(_, _), do: System.halt(0)\nend"
EQUAL = "import Kernel, except: [==: 2]\ndef f(_), do: 0\ndef a == b, do: (_ = {a, b}; true)"
ALIKE = "def f(_), do: %{__struct__: Range, first: 2, last: 2}"
UNLOADED = replacing("Queue.Evil", "def x, do: 1") + replacing(":queue", "def new, do: 1")

CHEATS = {
    "halt at the top": (module(RIGHT, "System.halt(0)"), "crash"),
    "halt in a test": (doing("apply(System, :halt, [0])"), "crash"),
    "halt by another name": (doing('apply(:"Elixir.System", :"halt", [0])'), "crash"),
    "halt in a macro": (module(MACRO, USER), "crash"),
    "halt after compilation": (module(f"{CALLBACK}\n{RIGHT}"), "crash"),
    "halt on load": (module(f"{ON_LOAD}\n{RIGHT}"), "crash"),
    "halt in a process": (doing("spawn(fn -> System.halt(0) end); Process.sleep(500)"), "crash"),
    "halt in inspect": (module(STRUCT, INSPECT), "crash"),
    "stop": (doing("System.stop(0)\nProcess.sleep(:infinity)"), "crash"),
    "init stop": (doing(":init.stop()\nProcess.sleep(:infinity)"), "crash"),
    "restart": (doing(":init.restart()\nProcess.sleep(:infinity)"), "crash timeout tamper"),
    "abort": (doing(":erlang.halt(:abort)"), "crash"),
    "halt with a slogan": (doing(':erlang.halt(~c"passed")'), "crash"),
    "at_exit": (module(WRONG, "System.at_exit(fn _ -> System.halt(0) end)"), "failed"),
    "exit normal": (doing("exit(:normal)"), "failed"),
    "exit shutdown": (doing("exit(:shutdown)"), "failed"),
    "throws": (doing("throw(:passed)"), "failed"),
    "kills itself": (doing("Process.exit(self(), :kill)"), "failed"),
    "links and dies": (doing("spawn_link(fn -> exit(:boom) end)\nProcess.sleep(500)"), "failed"),
    "replaces ExUnit.Runner": (module(WRONG, RUNNER), "tamper"),
    "replaces the assertions": (module(WRONG, ASSERTIONS), "tamper"),
    "replaces ExUnit.Case": (module(RIGHT, CASE), "tamper"),
    "replaces assertions when called": (doing(replacing("ExUnit.Assertions", REPLACED)), "tamper"),
    "replaces Enum": (doing(replacing("Enum", "def map(l, _), do: l")), "tamper crash"),
    "replaces Exception": (doing(replacing("Exception", "def x, do: 1")), "tamper crash"),
    "replaces the collector": (doing(COLLECTOR), "tamper"),
    "replaces the encoder": (doing(JSON), "tamper"),
    "replaces a module not loaded": (doing(UNLOADED), "failed tamper"),
    "deletes assertions": (doing(":code.delete(ExUnit.Assertions)"), "failed tamper"),
    "purges the collector": (doing(":code.delete(EctrainCollector)\n"), "tamper crash"),
    "rewrites the suite": (doing(SUITE_REWRITTEN), "tamper failed"),
    "defines the suite first": (module(WRONG, SUITE.replace("M.f(1)", "2")), "failed tamper"),
    "traces": (doing(TRACING), "failed"),
    "reads stacks": (doing(STACKS), "failed"),
    "compiler tracer": (module(WRONG, TRACER), "failed"),
    "replaces the suite as it compiles": (module(WRONG, REPLACER), "failed"),
    "replaces the suite, set from behind": (module(WRONG, LATE_REPLACER), "failed"),
    "parser options": (module(WRONG, PARSER), "failed"),
    "warnings as errors": (module(WRONG, WARNINGS), "failed"),
    "prints a fake report": (module(WRONG, FAKE), "failed"),
    "writes to every port": (doing(PORTS), "tamper"),
    "closes every port": (doing(CLOSED), "tamper crash"),
    "takes over every port": (doing(CONNECTED), "failed tamper crash"),
    "writes to every descriptor": (doing(DESCRIPTORS), "tamper crash failed"),
    "writes packets to every descriptor": (doing(PACKETS), "tamper crash failed"),
    "forges results": (doing(FORGED), "failed"),
    "forges output": (doing(LEADER), "failed"),
    "kills the harness": (doing(KILLING), "crash"),
    "kills everything": (doing(KILLING_ALL), "crash timeout"),
    "excludes all tests": (module(WRONG, "ExUnit.configure(exclude: [:test])"), "failed"),
    "defines its own ==": (module(EQUAL), "failed"),
    "returns something alike": (module(ALIKE), "failed"),
    "defines no function": (module(""), "failed"),
    "defines another module": ("defmodule N do\n def f(x), do: x + 1\nend", "failed"),
    "is empty": ("", "failed"),
    "is no text": ("\x00\x01\x7f", "failed"),
    "waits for the tests": (doing("spawn(fn -> Process.sleep(:infinity) end)"), "failed"),
    "raises its priority": (doing("Process.flag(:priority, :max)"), "failed"),
    "catches exits": (doing("Process.flag(:trap_exit, true)"), "failed"),
    "closes its leader": (doing("Process.exit(Process.group_leader(), :kill)"), "failed"),
    "renames the error device": (doing("Process.unregister(:standard_error)"), "failed"),
    "unregisters the code server": (
        doing("Process.unregister(:code_server)"),
        "failed crash timeout",
    ),
    "forks": (doing(FORKS), "failed"),
    "leaves a daemon": (doing(DAEMON), "failed"),
    "floods its output": (doing(FLOOD), "failed"),
    "floods the terminal": (doing(FLOOD_USER), "failed"),
    "floods errors": (doing(FLOOD_ERRORS), "failed"),
}

LEFT = {
    "a constant": "persistent_term.put(:left, 1)",
    "a table": "ets.new(:left, [:named_table, :public])",
    "a setting": "application.set_env(:kernel, :left, 1)",
    "a variable": "os.putenv('LEFT', '1')",
    "a file": "file.write_file('left', \"1\")",
    "a folder": "file.set_cwd('/')",
    "a name": "erlang.register(:left, spawn(fn -> Process.sleep(:infinity) end))",
    "a timer": "timer.send_interval(1, :left)",
    "a path": "code.add_patha('/work')",
    "a module": "elixir.eval('defmodule Left do def x, do: 1 end', [])",
    "a port": "erlang.open_port({:spawn_executable, '/harness/prlimit'}, [])",
}
for _name, _code in LEFT.items():
    CHEATS[f"leaves {_name}"] = (doing(f":{_code}"), "failed")

ENDLESS = {
    "loops": (module("def f(x), do: f(x)"), "timeout"),
    "loops when compiled": (module(f"{RIGHT}\nEnum.each(Stream.cycle([1]), & &1)"), "timeout"),
    "loops at top priority": (
        module("def f(x), do: (Process.flag(:priority, :max); f(x))"),
        "timeout",
    ),
    "waits": (doing("receive do :never -> :ok end"), "timeout"),
    "breeds": (module("def f(_), do: (spawn(fn -> f(1) end); f(1))"), "timeout memory"),
    "freezes the referee": (doing(SUSPENDING), "timeout failed"),
    "never yields": (doing("Integer.to_string(Integer.pow(7, 3_000_000))"), "timeout failed"),
    "floods mailboxes": (doing(FLOOD_MAIL), "timeout failed memory crash"),
    "a regular expression": (
        doing('Regex.run(~r/(a+)+$/, String.duplicate("a", 40) <> "b")'),
        "failed timeout",
    ),
}
BINARIES = "def f(_), do: length(for _ <- 1..40, do: :binary.copy(<<1>>, 9_000_000))"
ATOMS = 'def f(_), do: length(for i <- 1..300_000, do: String.to_atom("a#{i}"))'
ROWS = "t = :ets.new(:t, [])\nfor i <- 1..3_000_000, do: :ets.insert(t, {i, 1, 2, 3, 4, 5, 6, 7})"
HUNGRY = {
    "binaries": (module(BINARIES), "memory"),
    "lists": (module("def f(x), do: f([1 | List.wrap(x)])"), "memory"),
    "deep recursion": (module("def f(x), do: [f(x + 1)]"), "memory timeout"),
    "atoms": (module(ATOMS), "memory"),
    "rows": (doing(ROWS), "memory timeout"),
}
HONEST = Program(module(RIGHT), SUITE, ("x",))
MODES = ("strict", "warm")
pytestmark = pytest.mark.requires_elixir


@pytest.fixture(scope="module", params=MODES)
def runner(request: pytest.FixtureRequest) -> PooledRunner:
    """Return a runner of each mode, or skip with the reason why there is none."""
    missing = availability().why
    if missing:
        pytest.skip(missing)
    return find_runner("auto", request.param)


def surprises(
    runner: PooledRunner, table: dict[str, tuple[str, str]], limits: Limits
) -> dict[str, tuple[str, str]]:
    """Run a table, honest programs in between, and return what is not as it should be."""
    between = [HONEST] if runner.mode == "warm" else []
    programs = [p for code, _ in table.values() for p in (Program(code, SUITE, ("x",)), *between)]
    verdicts = runner.run_all(programs, limits, workers=2)
    every = 1 + len(between)
    found = {
        name: (verdict.status.value, verdict.message)
        for (name, (_, wanted)), verdict in zip(table.items(), verdicts[::every], strict=True)
        if verdict.status.value not in wanted.split()
    }
    honest = zip(table, verdicts[1::every] if between else [], strict=bool(between))
    return found | {f"after {n}": (v.status.value, v.message) for n, v in honest if not v.passed}


def test_the_table_is_large() -> None:
    """At least sixty hostile programs, none of which may pass."""
    tables = (CHEATS, ENDLESS, HUNGRY)
    assert sum(map(len, tables)) >= 80
    assert not any("passed" in wanted for table in tables for _, wanted in table.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("table", "limits"),
    [
        (CHEATS, Limits(cpu_s=4, wall_s=20)),
        (ENDLESS, Limits(cpu_s=1, wall_s=3, memory_mb=256)),
        (HUNGRY, Limits(cpu_s=10, wall_s=40, memory_mb=64)),
    ],
    ids=["cheats", "endless", "hungry"],
)
def test_hostile_programs_get_what_they_deserve(
    runner: PooledRunner, table: dict[str, tuple[str, str]], limits: Limits
) -> None:
    """Zero false passes, and the program behind each one passes: no worker is lost."""
    assert surprises(runner, table, limits) == {}


def test_rewriting_the_suite_is_tampering(runner: PooledRunner) -> None:
    """A first test that replaces the module of the others is seen where there is such a module."""
    code = doing(SUITE_REWRITTEN.replace("[]", ":ok").replace('(:"test x")', '(:"test y")'), "2")
    tests = SUITE.removesuffix("end") + '@tag :plain\ntest "y", do: assert M.f(1) == 7\nend'
    verdict = runner.run(Program(code, tests, ("x", "y")))
    assert verdict.status == "tamper", verdict


def test_modules_that_nobody_loaded_are_guarded(runner: PooledRunner) -> None:
    """A test that calls a module of the installation calls that, or the program has tampered."""
    fake = replacing(":queue", "def len(_), do: 5")
    tests = SUITE.replace("M.f(1) == 2", ":queue.len(M.f(1)) == 5")
    verdict = runner.run(Program(doing(fake, ":queue.new()"), tests, ("x",)))
    assert verdict.status == "tamper", verdict


LEAVER = """
:persistent_term.put(:left, 1)
Application.put_env(:kernel, :left, 1)
System.put_env("LEFT", "1")
File.write!("left", "1")
:code.add_patha('/work')
Code.put_compiler_option(:relative_paths, false)
me = self()
spawn(fn ->
  Process.register(self(), :left)
  :ets.new(:left, [:named_table, :public])
  send(me, :done)
  Process.sleep(:infinity)
end)
receive do :done -> :ok end
String.to_atom("left_" <> "atom")
"""
SEER = """
defmodule MTest do
  use ExUnit.Case
  test "x" do
    assert M.f(1) == 2
    assert :persistent_term.get(:left, nil) == nil
    assert Application.get_env(:kernel, :left) == nil
    assert System.get_env("LEFT") == nil
    refute File.exists?("left")
    refute '/work' in :code.get_path()
    assert Process.whereis(:left) == nil
    assert :ets.whereis(:left) == :undefined
    assert Code.get_compiler_option(:relative_paths)
    ATOMS
  end
end
"""
NO_ATOM = 'assert_raise ArgumentError, fn -> String.to_existing_atom("left_" <> "atom") end'


def test_nothing_is_left_for_the_next_program(runner: PooledRunner) -> None:
    """Whatever one program leaves, the next one does not see; atoms stay on a warm machine."""
    seer = SEER.replace("ATOMS", NO_ATOM if runner.mode == "strict" else "")
    for _ in range(2):
        assert runner.run(Program(doing(LEAVER, "2"), SUITE, ("x",))).passed
        verdict = runner.run(Program(module(RIGHT), seer, ("x",)))
        assert verdict.passed, verdict


def test_wall_time_bounds_waiting(runner: PooledRunner) -> None:
    """A program that waits is ended at the wall limit."""
    sleep = Program(module("def f(_), do: Process.sleep(:infinity)"), SUITE, ("x",))
    runner.run(HONEST)
    start = time.monotonic()
    verdict = runner.run(sleep, Limits(wall_s=2))
    assert (verdict.status, verdict.kind) == ("timeout", "wall time")
    assert time.monotonic() - start < 2 + 3


def test_a_flood_of_output_is_cut(runner: PooledRunner) -> None:
    """Output beyond the limit is dropped in the middle; the verdict is not changed by it."""
    program = Program(doing(FLOOD, "2"), SUITE, ("x",))
    verdict = runner.run(program, Limits(output_kb=2))
    assert verdict.passed, verdict
    assert "bytes left out" in verdict.output
    assert len(verdict.output) < 3500
    assert "\x1b" not in verdict.output


JAIL = ("files", "disk", "secrets", "network", "commands", "identity")
JAIL_SUITE = """
    defmodule JailTest do
      use ExUnit.Case
      test "files" do
        for path <- ~w(/x /etc/x /usr/lib/x /harness/x /dev/shm/x /tmp/x OUTSIDE/x) do
          assert {:error, _} = File.write(path, "x")
        end
        for path <- ~w(/etc/passwd /home /root /tmp /proc /sys OUTSIDE/canary) do
          assert {:error, _} = File.read(path)
          assert {:error, _} = File.ls(path)
        end
      end
      test "disk" do
        assert :ok = File.write("small", "x")
        assert {:error, _} = File.write("large", :binary.copy("x", 20_000_000))
      end
      test "secrets" do
        refute inspect(System.get_env()) =~ "sesame"
        for p <- Process.list(), p != self(), {_, text} <- [Process.info(p, :backtrace)] do
          refute text =~ ~r/judge|isolated/
        end
        for n <- ["self", 1, 2], file <- ~w(environ cmdline mem maps) do
          assert {:error, _} = File.open("/proc/#{n}/#{file}", [:read])
        end
      end
      test "network" do
        assert {:error, _} = :gen_tcp.connect({127, 0, 0, 1}, PORT, [], 1000)
        assert {:error, _} = :gen_tcp.connect({192, 0, 2, 1}, 80, [], 1000)
        assert {:error, _} = :inet.getaddr('localhost.example', :inet)
        refute Node.alive?()
      end
      test "commands" do
        assert_raise ErlangError, fn -> System.cmd("sh", ["-c", "true"]) end
        for shell <- ~w(/bin/sh /usr/bin/env /usr/bin/python3), do: refute File.exists?(shell)
        prlimit = Port.open({:spawn_executable, '/harness/prlimit'}, [:exit_status])
        assert_receive {^prlimit, {:data, text}}, 2000
        assert List.to_string(text) =~ "NPROC"
      end
      test "identity" do
        assert {:ok, %{uid: 65_534}} = File.stat("/work")
        assert M.f(1) == 2
      end
    end
"""


def test_the_sandbox_keeps_programs_in(
    runner: PooledRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file, no secret, no command and no connection of this machine is within reach."""
    monkeypatch.setenv("ECTRAIN_TEST_SECRET", "sesame")
    (tmp_path / "canary").write_text("alive")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        tests = JAIL_SUITE.replace("PORT", str(port)).replace("OUTSIDE", str(tmp_path))
        verdict = runner.run(Program(module(RIGHT), tests, JAIL))
        server.settimeout(0.05)
        with pytest.raises(TimeoutError):
            server.accept()
    assert verdict.passed, (verdict.tests, verdict.message, verdict.output)
    assert (tmp_path / "canary").read_text() == "alive"
