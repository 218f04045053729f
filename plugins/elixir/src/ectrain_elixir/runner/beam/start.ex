defmodule EctrainStart do
  @moduledoc false
  # What a machine does before its first program, so that programs find everything loaded.

  @modules [ExUnit.AssertionError, ExUnit.Assertions, ExUnit.Callbacks, ExUnit.Case] ++
             [ExUnit.OnExitHandler, ExUnit.Test, ExUnit.TestModule, ExUnit.Server, Exception] ++
             [Code, Kernel, Map, Process, System, File, Path, Regex, Enum, Stream, Keyword] ++
             [MapSet, Range, String, Macro, Macro.Env, Integer, List, Tuple, Access, Agent] ++
             [GenServer, Task, Inspect, Inspect.Algebra, Collectable, Enumerable, StringIO]

  @more [Base, Inspect.Opts, Code.Formatter, Code.Normalizer, Macro.Env, :lists, :erl_eval]

  @sample "defmodule EctrainSample do\n@doc false\ndef f(x) when is_list(x), do: Enum.sum(x)\nend"
  @suite "defmodule EctrainSampleTest do\nuse ExUnit.Case\n" <>
           "test \"f\", do: assert EctrainSample.f([1, 2]) == 3\n" <>
           "test \"g\", do: assert_raise(FunctionClauseError, fn -> EctrainSample.f(1) end)\n" <>
           "test \"h\", do: assert EctrainSample.f([]) == 1\nend"

  def prepare(warm) do
    for module <- @modules ++ engine(), do: {:module, _} = :code.ensure_loaded(module)
    Code.compiler_options(docs: false, debug_info: false, ignore_module_conflict: true)
    :timer.start()
    if warm, do: warm_up()
  end

  # Every module of the engine: one that is not loaded could be a program's own.
  defp engine do
    folder = :filename.dirname(:code.which(__MODULE__))
    {:ok, files} = :file.list_dir(folder)

    for file <- files,
        :filename.extension(file) == '.beam',
        do: :erlang.list_to_atom(:filename.rootname(file))
  end

  # Runs a sample both ways: a first compilation takes ten times as long as the later ones.
  defp warm_up do
    for module <- @more, do: {:module, _} = :code.ensure_loaded(module)
    ctx = EctrainIsolate.context(EctrainGuard.owned(), :erlang.group_leader())
    ctx = EctrainIsolate.limits(ctx, 60_000, 60_000)

    other = String.replace(@suite, "SampleTest", "OtherTest")

    for how <- ["auto", "compiled"] do
      [{:phase, "run"} | _] = EctrainProgram.run(ctx, [@sample, @suite, other, how])
    end

    for module <- [EctrainSample, EctrainSampleTest, EctrainOtherTest],
        do: EctrainCleaner.purge(module)

    :sys.replace_state(ExUnit.Server, &%{&1 | sync_modules: [], async_modules: []})
  end
end
