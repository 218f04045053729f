defmodule EctrainKiller do
  @moduledoc false
  # The request "kill": which compiled mutants a suite tells from the original.

  import EctrainMutation, only: [failed: 3]
  alias EctrainIsolate, as: Isolate
  alias EctrainSuite, as: Suite

  @heap_words 16_000_000

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
         {:ok, trap} <- EctrainTraps.prepare(ctx, traps),
         {:ok, each} <- passes_twice(ctx, suite, times),
         :ok <- all_fail(Suite.results(%{ctx | words: false}, trap)) do
      EctrainCleaner.cleared(ctx)
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
         EctrainCleaner.cleared(ctx),
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
    EctrainCleaner.cleared(ctx)
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
    case put(ctx, modules, []) do
      :ok -> told(Suite.results(early(Isolate.limits(ctx, 5 * each, each)), suite))
      _ -> ["killed", "loading"]
    end
  catch
    {:stop, "timeout", _, _} -> ["timeout", ""]
    {:stop, "tests", _, _} -> ["killed", "setup_all"]
  end

  # A mutant that grows without end should not take the machine with it. Modules are checked once for
  # each mutant: a suite gains nothing by what it replaces and puts back, for it can fail at will.
  defp early(ctx), do: %{ctx | early: true, words: false, watch: false, heap_words: @heap_words}

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

  # Puts a mutant's modules in the place of others of the same names, which the code server knows
  # already: without it, in a third of the time. Nothing of them runs, unless they have an `@on_load`.
  defp put(_ctx, [], prepared), do: finished_loading(:erlang.finish_loading(prepared))

  defp put(ctx, [{module, beam} | rest] = modules, prepared) do
    if :erlang.check_old_code(module), do: :erlang.purge_module(module)

    case :erlang.prepare_loading(module, beam) do
      {:error, reason} ->
        {:failed, "compile", :erlang.atom_to_binary(reason)}

      code ->
        if :erlang.has_prepared_code_on_load(code),
          do: load(ctx, modules),
          else: put(ctx, rest, [code | prepared])
    end
  end

  defp finished_loading(:ok), do: :ok
  defp finished_loading(_), do: {:failed, "compile", "not purged"}

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
