defmodule EctrainMutation do
  @moduledoc false
  # The requests "mutants" (what there is), "build" (compile some of it), "show" (the text of one)
  # and "kill" (which of the compiled ones a suite tells from the original).

  alias EctrainIsolate, as: Isolate
  alias EctrainSuite, as: Suite

  @file_name "program.ex"
  @heap_words 16_000_000

  def mutants(ctx, [code]) do
    answered(ctx, fn ->
      with {:ok, tree} <- EctrainTree.parse(code, @file_name) do
        {:ok, for(mutant <- EctrainMutants.all(tree), do: site(tree, mutant))}
      end
    end)
  end

  defp site(tree, {path, name, new, old}) do
    {line, column} = EctrainTree.place_at(tree, path, old)
    before = Isolate.cap(EctrainTree.text(old))
    [Atom.to_string(name), line, column, before, Isolate.cap(EctrainTree.text(new))]
  end

  def show(ctx, [code | indexes]) do
    answered(ctx, fn ->
      with {:ok, tree} <- EctrainTree.parse(code, @file_name) do
        all = EctrainMutants.all(tree)
        texts = for i <- indexes, do: EctrainTree.text(put(tree, Enum.at(all, number(i))))
        {:ok, [EctrainTree.text(tree) | texts]}
      end
    end)
  end

  defp put(tree, {path, _, new, _}), do: EctrainTree.put(tree, path, new)
  defp number(text), do: String.to_integer(text)

  defp answered(ctx, body) do
    case EctrainCompiler.answered(ctx, body) do
      {:ok, found} -> [{:phase, "done"}, {:found, found}]
      {:failed, kind, message} -> failed("candidate", kind, message)
    end
  catch
    {:stop, phase, kind, message} -> failed(phase, kind, message)
  end

  defp failed(phase, kind, message), do: [{:phase, phase}, {:kind, kind}, {:message, message}]

  # -- building -------------------------------------------------------------------------------

  # Answers with the compiled original, its canaries and the mutants asked for, each as
  # [state, text]; the text of a "built" one is its modules, that of an "invalid" one says why.
  def build(ctx, [code, mark, each_ms | indexes]) do
    each = :erlang.binary_to_integer(each_ms)

    with {:ok, {tree, all}} <- prepared(ctx, code),
         trees = chosen(indexes, tree, all, []),
         twins = EctrainCanaries.all(tree, mark),
         {:ok, original} <- compile(ctx, EctrainTree.plain(tree), each) do
      canaries = built_all(twins, ctx, each, nil, [])
      built = built_all(trees, ctx, each, original, [])
      EctrainGuard.check([], ctx)
      EctrainCleaner.swept(ctx, :erlang.monotonic_time(:millisecond) + 1000)
      found = texts([{"built", original} | canaries ++ built])
      [{:phase, "done"}, {:found, found}, {:canaries, length(canaries)}]
    else
      {:failed, kind, message} -> failed("candidate", kind, message)
    end
  catch
    {:stop, phase, kind, message} -> failed(phase, kind, message)
  end

  defp prepared(ctx, code) do
    EctrainCompiler.answered(ctx, fn ->
      with {:ok, tree} <- EctrainTree.parse(code, @file_name) do
        {:ok, {tree, EctrainMutants.all(tree)}}
      end
    end)
  end

  defp chosen([], _tree, _all, done), do: reversed(done)

  defp chosen([index | rest], tree, all, done) do
    mutant = :lists.nth(:erlang.binary_to_integer(index) + 1, all)
    chosen(rest, tree, all, [fn -> put(tree, mutant) end | done])
  end

  defp built_all([], _ctx, _each, _original, done), do: reversed(done)

  defp built_all([tree | rest], ctx, each, original, done),
    do: built_all(rest, ctx, each, original, [built(ctx, tree, each, original) | done])

  defp built(ctx, tree, each, original) do
    case compile(ctx, tree, each) do
      {:ok, modules} -> {if(modules == original, do: "equivalent", else: "built"), modules}
      {:failed, _, message} -> {"invalid", message}
    end
  catch
    {:stop, "timeout", _, _} -> {"timeout", ""}
  end

  # Modules of the file are unloaded first: a compilation must not see an earlier one.
  defp compile(ctx, tree, each) do
    inner = Isolate.limits(ctx, 5 * each, each)

    EctrainCompiler.answered(inner, fn ->
      quoted = if is_function(tree), do: EctrainTree.plain(tree.()), else: tree

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

  # -- killing --------------------------------------------------------------------------------

  # Answers with a state for each mutant, in the order given: ["killed", test] and so on. The
  # original must pass before and after, and the suite must be able to fail.
  def kill(ctx, [tests, how, traps, suite_ms, each_ms, original | mutants]) do
    original = :erlang.binary_to_term(original)
    most = :erlang.binary_to_integer(suite_ms)
    times = {:erlang.binary_to_integer(each_ms), most}
    ctx = Isolate.limits(ctx, 5 * most, most)

    with :ok <- load(ctx, original),
         {:ok, suite} <- prepare(ctx, tests, how),
         ctx = EctrainProgram.sealed(ctx, suite),
         {:ok, trap} <- prepare(ctx, traps, how),
         ctx = EctrainProgram.sealed(ctx, trap),
         {:ok, each} <- passes_twice(ctx, suite, times),
         :ok <- all_fail(Suite.results(ctx, trap)) do
      {states, suite} = killed(mutants, ctx, suite, each, [])
      ctx = Isolate.limits(ctx, 5 * most, most)
      again = with :ok <- load(ctx, original), do: passes(ctx, suite)
      finished(states, again)
    else
      {:failed, kind, message} -> failed("suite", kind, message)
      {:stop, phase, kind, message} -> failed(phase, kind, message)
    end
  catch
    {:stop, phase, kind, message} -> failed(phase, kind, message)
  end

  defp finished(states, :ok), do: [{:phase, "done"}, {:found, states}]

  defp finished(_states, {_, _, message}) do
    text = <<"after mutants, the suite fails on the original: ", message::binary>>
    failed("suite", "unstable", text)
  end

  defp prepare(ctx, tests, how), do: Suite.prepare(ctx, tests, "program_test.exs", how)

  # The second run sets what a mutant may take: ten times its CPU time.
  defp passes_twice(ctx, suite, {least, most}) do
    with :ok <- passes(ctx, suite),
         {before, _} = :erlang.statistics(:runtime),
         :ok <- passes(ctx, suite) do
      {now, _} = :erlang.statistics(:runtime)
      took = now - before
      {:ok, :erlang.min(:erlang.max(least, 10 * took), :erlang.max(least, most))}
    end
  end

  defp passes(ctx, suite) do
    case Suite.results(ctx, suite) do
      [] -> {:failed, "no tests", "there are no tests"}
      results -> first_failure(results)
    end
  end

  defp first_failure([]), do: :ok
  defp first_failure([{_, :passed} | rest]), do: first_failure(rest)

  defp first_failure([{name, :skipped} | _]),
    do: {:failed, "skipped", <<"skipped: ", name::binary>>}

  defp first_failure([{name, {:failed, kind, message}} | _]),
    do: {:failed, kind, <<name::binary, ": ", message::binary>>}

  defp all_fail([]), do: :ok
  defp all_fail([{_, {:failed, _, _}} | rest]), do: all_fail(rest)
  defp all_fail(_), do: {:stop, "canary", "canary", "makes tests pass that must fail"}

  defp killed([], _ctx, suite, _each, done), do: {reversed(done), suite}

  defp killed([blob | rest], ctx, suite, each, done) do
    state = confirmed(ctx, suite, :erlang.binary_to_term(blob), each)
    EctrainCleaner.swept(ctx, :erlang.monotonic_time(:millisecond) + 1000)
    killed(rest, ctx, first(suite, state), each, [state | done])
  end

  # A timeout is believed when it happens twice.
  defp confirmed(ctx, suite, modules, each) do
    case tried(ctx, suite, modules, each) do
      ["timeout", _] -> tried(ctx, suite, modules, each)
      state -> state
    end
  end

  defp tried(ctx, suite, modules, each) do
    case load(ctx, modules) do
      :ok -> told(Suite.results(early(Isolate.limits(ctx, 5 * each, each)), suite))
      _ -> ["killed", "loading"]
    end
  catch
    {:stop, "timeout", _, _} -> ["timeout", ""]
    {:stop, "tests", _, _} -> ["killed", "setup_all"]
  end

  # A mutant that grows without end should not take the machine with it.
  defp early(ctx), do: %{ctx | early: true, heap_words: @heap_words}

  defp told([]), do: ["survived", ""]
  defp told([{name, {:failed, _, _}} | _]), do: ["killed", name]
  defp told([_ | rest]), do: told(rest)

  # The test that killed last comes first: it often kills the next one, too.
  defp first({:funs, [{name, _, _} | _]} = suite, ["killed", name]), do: suite
  defp first({:funs, tests}, ["killed", name]), do: {:funs, moved(tests, name, [])}
  defp first(suite, _), do: suite

  defp moved([], _name, seen), do: reversed(seen)

  defp moved([{name, _, _} = test | rest], name, seen),
    do: [test | reversed(seen) ++ rest]

  defp moved([test | rest], name, seen), do: moved(rest, name, [test | seen])

  defp reversed(list), do: reversed(list, [])
  defp reversed([], done), do: done
  defp reversed([x | rest], done), do: reversed(rest, [x | done])

  # Loading can run code (`@on_load`), and goes through the code server.
  defp load(ctx, modules) do
    EctrainCompiler.answered(ctx, fn -> loaded(modules) end)
  end

  defp loaded([]), do: :ok

  defp loaded([{module, beam} | rest]) do
    :code.purge(module)

    case :code.load_binary(module, 'program.ex', beam) do
      {:module, _} -> loaded(rest)
      {:error, reason} -> {:failed, "compile", "#{reason}"}
    end
  end
end
