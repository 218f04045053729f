defmodule EctrainStart do
  @moduledoc false
  # What a machine does before its first program.

  @sample "defmodule EctrainSample do\n@doc false\n@spec f(list) :: integer\n" <>
            "def f(x) when is_list(x), do: x |> Enum.sum() |> max(1)\nend"
  @suite "defmodule EctrainSampleTest do\nuse ExUnit.Case\n" <>
           "test \"f\", do: assert EctrainSample.f([1, 2]) === 3\n" <>
           "test \"g\", do: assert_raise(FunctionClauseError, fn -> EctrainSample.f(1) end)\n" <>
           "test \"h\", do: assert EctrainSample.f([]) == 1\nend"
  @traps "defmodule EctrainSampleTraps do\nuse ExUnit.Case\ntest \"a\", do: assert 1 == 2\n" <>
           "test \"b\", do: refute(1, \"one\")\n" <>
           "test \"c\", do: flunk(\"one\")\nend"

  # What a warm machine's programs may well call, and what its own requests do.
  @more [Access, Agent, Base, Code.Formatter, Code.Normalizer, Collectable, Enumerable, GenServer] ++
          [Inspect, Inspect.Algebra, Inspect.Opts, Integer, MapSet, Range, Regex, Stream] ++
          [StringIO, Task, Tuple, :erl_eval, :lists]

  def prepare(mode, folder, owned) do
    {:ok, _} = :application.ensure_all_started(:elixir)
    EctrainCleaner.purge(:string)
    {:ok, _} = :application.ensure_all_started(:ex_unit)
    Code.compiler_options(docs: false, debug_info: false, ignore_module_conflict: true)

    if mode == 'warm' do
      more(folder)
      warm_up(owned)
    end
  end

  # Loads the rest of the engine, which few strict machines need.
  def more(folder) do
    {:ok, packed} = :file.read_file(:filename.join(folder, 'warm'))
    modules = :erlang.binary_to_term(packed)
    new = for {module, _, _} = one <- modules, not :erlang.module_loaded(module), do: one
    :ok = :code.atomic_load(new)
  end

  # Strict machines start without property tests; a program that names them gets them.
  def named(text, folder) do
    if :binary.match(text, ["StreamData", "ExUnitProperties"]) != :nomatch, do: more(folder)
  end

  # A first compilation takes ten times as long as the later ones.
  defp warm_up(owned) do
    :timer.start()
    for module <- @more, do: {:module, _} = :code.ensure_loaded(module)
    for how <- ["auto", "compiled"], do: sample(owned, how)

    for module <- [EctrainSample, EctrainSampleTest], do: EctrainCleaner.purge(module)
    :sys.replace_state(ExUnit.Server, &%{&1 | sync_modules: [], async_modules: []})
  end

  defp sample(owned, how) do
    ctx = EctrainCleaner.seen(EctrainIsolate.context(owned, :erlang.group_leader()))
    ctx = EctrainIsolate.limits(ctx, 60_000, 60_000)
    [{:phase, "run"} | _] = EctrainProgram.run(ctx, [@sample, @suite, @traps, how])
  end

  # Writes down what a machine has loaded after a program: called while the engine is built.
  def list do
    [mode, path, folder] = :init.get_plain_arguments()
    owned = EctrainGuard.owned(folder)
    prepare(mode, folder, owned)
    sample(owned, "compiled")
    :ok = :file.write_file(path, :erlang.term_to_binary(:erlang.loaded()))
    :erlang.halt()
  end
end
