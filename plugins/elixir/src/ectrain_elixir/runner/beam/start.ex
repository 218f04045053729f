defmodule EctrainStart do
  @moduledoc false
  # What a machine does before its first program.

  @sample "defmodule EctrainSample do\n@doc false\n@spec f(list) :: integer\n" <>
            "def f(x) when is_list(x), do: x |> Enum.sum() |> max(1)\nend"
  @suite "defmodule EctrainSampleTest do\nuse ExUnit.Case\n" <>
           "test \"f\", do: assert EctrainSample.f([1, 2]) === 3\n" <>
           "test \"g\", do: assert_raise(FunctionClauseError, fn -> EctrainSample.f(1) end)\n" <>
           "test \"h\", do: assert EctrainSample.f([]) == 1\nend"

  # What a warm machine's programs may well call, and what its own requests do.
  @more [Access, Agent, Base, Code.Formatter, Code.Normalizer, Collectable, Enumerable, GenServer] ++
          [Inspect, Inspect.Algebra, Inspect.Opts, Integer, MapSet, Range, Regex, Stream] ++
          [StringIO, Task, Tuple, :erl_eval, :lists]

  def prepare(mode, owned) do
    {:ok, _} = :application.ensure_all_started(:elixir)
    {:ok, _} = :application.ensure_all_started(:ex_unit)
    Code.compiler_options(docs: false, debug_info: false, ignore_module_conflict: true)
    if mode == 'warm', do: warm_up(owned)
  end

  # A first compilation takes ten times as long as the later ones.
  defp warm_up(owned) do
    :timer.start()
    for module <- @more, do: {:module, _} = :code.ensure_loaded(module)
    for how <- ["auto", "compiled"], do: sample(owned, how)

    for module <- [EctrainSample, EctrainSampleTest, EctrainOtherTest],
        do: EctrainCleaner.purge(module)

    :sys.replace_state(ExUnit.Server, &%{&1 | sync_modules: [], async_modules: []})
  end

  defp sample(owned, how) do
    ctx = EctrainIsolate.context(owned, :erlang.group_leader())
    ctx = EctrainIsolate.limits(ctx, 60_000, 60_000)
    other = String.replace(@suite, "SampleTest", "OtherTest")
    [{:phase, "run"} | _] = EctrainProgram.run(ctx, [@sample, @suite, other, how])
  end

  # Writes down what a machine has loaded after a program: called while the engine is built.
  def list do
    [path, folder] = :init.get_plain_arguments()
    owned = EctrainGuard.owned(folder)
    prepare('strict', owned)
    sample(owned, "compiled")
    :ok = :file.write_file(path, :erlang.term_to_binary(:erlang.loaded()))
    :erlang.halt()
  end
end
