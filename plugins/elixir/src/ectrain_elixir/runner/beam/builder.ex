defmodule EctrainBuilder do
  @moduledoc false
  # The request "build": the compiled original, its canaries and mutants.

  import EctrainMutation, only: [failed: 3, put: 2]
  alias EctrainIsolate, as: Isolate

  @file_name "program.ex"

  # Answers with the compiled original, its canaries and the mutants asked for, each as
  # [state, text]; the text of a "built" one is its modules, that of an "invalid" one says why.
  # The original has the time of the request, all others ten times of what it took.
  def build(ctx, [code, seed, least_ms | indexes]) do
    {before, _} = :erlang.statistics(:runtime)

    with {:ok, {tree, all, twins}} <- prepared(ctx, code, seed),
         {:ok, original} <- compile(ctx, tree) do
      {now, _} = :erlang.statistics(:runtime)
      EctrainCleaner.cleared(ctx)
      each = :erlang.max(:erlang.binary_to_integer(least_ms), 10 * (now - before))
      canaries = built_all(twins, ctx, each, original, [])
      built = built_all(chosen(indexes, tree, all, []), ctx, each, original, [])
      found = texts([{"built", original} | canaries ++ built])
      [{:phase, "done"}, {:found, found}, {:canaries, length(canaries)}]
    else
      {:failed, kind, message} -> failed("candidate", kind, message)
    end
  catch
    {:stop, "timeout", kind, _} -> failed("candidate", kind, <<"its compilation takes too long">>)
    {:stop, phase, kind, message} -> failed(phase, kind, message)
  end

  defp prepared(ctx, code, seed) do
    EctrainCompiler.answered(ctx, fn ->
      with {:ok, tree} <- EctrainTree.parse(code, @file_name) do
        {:ok, {tree, EctrainMutants.all(tree), EctrainCanaries.all(tree, seed)}}
      end
    end)
  end

  defp chosen([], _tree, _all, done), do: reversed(done)

  defp chosen([index | rest], tree, all, done) do
    mutant = :lists.nth(:erlang.binary_to_integer(index) + 1, all)
    chosen(rest, tree, all, [fn -> put(tree, mutant) end | done])
  end

  defp built_all([], _ctx, _each, _original, done), do: reversed(done)

  defp built_all([tree | rest], ctx, each, original, done) do
    built = built(ctx, tree, each, original)
    EctrainCleaner.cleared(ctx)
    built_all(rest, ctx, each, original, [built | done])
  end

  defp built(ctx, tree, each, original) do
    case compile(Isolate.limits(ctx, 5 * each, each), tree) do
      {:ok, modules} -> {if(modules == original, do: "equivalent", else: "built"), modules}
      {:failed, _, message} -> {"invalid", message}
    end
  catch
    {:stop, "timeout", _, _} -> {"timeout", ""}
  end

  # Modules of the file are unloaded first: a compilation must not see an earlier one.
  defp compile(ctx, tree) do
    EctrainCompiler.answered(ctx, fn ->
      quoted = EctrainTree.plain(if is_function(tree), do: tree.(), else: tree)

      with {:ok, modules} <- EctrainCompiler.compile_quoted(quoted, @file_name) do
        for {module, _} <- modules, do: EctrainCleaner.purge(module)
        {:ok, modules}
      end
    end)
    |> owned(ctx)
  end

  defp owned({:ok, modules}, ctx) do
    EctrainGuard.check(EctrainCompiler.names(modules), ctx)
    {:ok, modules}
  end

  defp owned(failed, _ctx), do: failed

  defp texts([]), do: []
  defp texts([{"invalid", message} | rest]), do: [["invalid", message] | texts(rest)]
  defp texts([{"timeout", _} | rest]), do: [["timeout", ""] | texts(rest)]

  defp texts([{state, modules} | rest]),
    do: [[state, Base.encode64(:erlang.term_to_binary(modules))] | texts(rest)]

  defp reversed(list), do: reversed(list, [])
  defp reversed([], done), do: done
  defp reversed([x | rest], done), do: reversed(rest, [x | done])
end
