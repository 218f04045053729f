defmodule EctrainSuite do
  @moduledoc false
  # A suite is prepared once and run as often as wanted: {:modules, list} or {:funs, list}.
  #
  # Compiling a test module costs more than all the rest of a small program, so plain suites are
  # evaluated: each test becomes a fun. What is not plain is compiled (`EctrainPlain` decides).

  import EctrainIsolate, only: [run: 2, run_with_pid: 2, failure: 3, failure: 4, describe: 2]

  def prepare(ctx, source, file, how) do
    EctrainCompiler.answered(ctx, fn ->
      with {:ok, quoted} <- EctrainCompiler.parse(source, file) do
        case how == "auto" && EctrainPlain.tests(quoted) do
          {:ok, funs} -> evaluate(funs, file)
          _ -> compiled(EctrainCompiler.compile_quoted(quoted, file))
        end
      end
    end)
  end

  defp compiled({:ok, modules}), do: {:ok, {:modules, EctrainCompiler.names(modules)}}
  defp compiled(failed), do: failed

  defp evaluate(quoted, file) do
    {tests, _} = Code.eval_quoted(quoted, [], file: file)
    {:ok, {:funs, tests}}
  catch
    :error, %CompileError{} = error ->
      {:failed, "compile", EctrainIsolate.cap(Exception.message(error))}

    kind, reason ->
      failure(kind, reason, __STACKTRACE__)
  end

  def modules({:modules, modules}), do: modules
  def modules({:funs, _}), do: []

  # Runs all tests in order: [{name, :passed | :skipped | {:failed, kind, message}}].
  def results(ctx, {:funs, tests}), do: funs(tests, ctx, [])
  def results(ctx, {:modules, modules}), do: modules(modules, ctx, [])

  defp funs([], _ctx, done), do: reversed(done, [])

  defp funs([{name, _tags, _fun} = test | rest], ctx, done) do
    result = one(ctx, test)
    watched(ctx)
    EctrainCoverage.mark(ctx)
    if over?(ctx, result), do: [{name, result}], else: funs(rest, ctx, [{name, result} | done])
  end

  defp watched(%{watch: true} = ctx), do: EctrainGuard.check([], ctx)
  defp watched(_ctx), do: :ok

  # Where one failure is enough, the tests behind it are left out.
  defp over?(%{early: true}, {:failed, _, _}), do: true
  defp over?(_ctx, _result), do: false

  # Runs one evaluated test.
  def one(ctx, {_name, tags, fun}) do
    tested(ctx, fn ->
      fun.(:maps.merge(tags, %{test_pid: self()}))
    end)
  end

  defp modules([], _ctx, done), do: reversed(done, [])
  defp modules([module | rest], ctx, done), do: modules(rest, ctx, module(module, ctx, done))

  defp module(module, ctx, done) do
    me = self()
    ref = make_ref()
    answer = fn result -> send(me, {ref, result}) end
    {pid, monitor} = EctrainIsolate.start(ctx, fn -> module_process(module, answer) end)

    case started(ctx, ref, pid, monitor) do
      :not_a_test_module ->
        done

      {:tests, tests, context} ->
        done = module_tests(tests, context, ctx, done)
        :erlang.exit(pid, :kill)
        on_exit(ctx, pid)
        done

      {:setup_failed, tests, failed} ->
        all_failed(tests, failed, done)

      {:setup_died, reason} ->
        text = describe(ctx, reason)
        throw({:stop, "tests", "exit", <<"setup_all ended with ", text::binary>>})
    end
  end

  defp all_failed([], _failed, done), do: done

  defp all_failed([{_, name, _} | rest], failed, done),
    do: all_failed(rest, failed, [{name_text(name), failed} | done])

  defp started(ctx, ref, pid, monitor) do
    receive do
      {^ref, result} -> result
      {:DOWN, ^monitor, :process, ^pid, reason} -> {:setup_died, reason}
    after
      20 ->
        EctrainIsolate.in_time(ctx, pid)
        started(ctx, ref, pid, monitor)
    end
  end

  defp module_process(module, answer) do
    if function_exported?(module, :__ex_unit__, 0) do
      tests = for test <- module.__ex_unit__().tests, do: {module, test.name, test.tags}
      ExUnit.OnExitHandler.register(self())

      try do
        module.__ex_unit__(:setup_all, %{module: module, case: module})
      catch
        kind, reason -> answer.({:setup_failed, tests, failure(kind, reason, __STACKTRACE__)})
      else
        context -> answer.({:tests, tests, context})
      end

      Process.sleep(:infinity)
    else
      answer.(:not_a_test_module)
    end
  end

  defp module_tests([], _context, _ctx, done), do: done

  defp module_tests([{_, name, _} = test | rest], context, ctx, done) do
    result = module_test(test, context, ctx)
    watched(ctx)
    EctrainCoverage.mark(ctx)
    done = [{name_text(name), result} | done]
    if over?(ctx, result), do: done, else: module_tests(rest, context, ctx, done)
  end

  defp module_test({_, _, %{skip: why}}, _context, _ctx) when why != false, do: :skipped

  defp module_test({module, name, tags}, context, ctx) do
    tested(ctx, fn ->
      context = Map.merge(Map.merge(tags, context), %{test_pid: self(), test: name})
      apply(module, name, [module.__ex_unit__(:setup, context)])
    end)
  end

  defp tested(ctx, body) do
    run_with_pid(ctx, fn reply ->
      ExUnit.OnExitHandler.register(self())

      try do
        body.()
      catch
        kind, reason -> reply.(failure(ctx, kind, reason, __STACKTRACE__))
      else
        _ -> reply.(:passed)
      end
    end)
    |> case do
      {pid, {:died, reason}} -> merge({:failed, "exit", describe(ctx, reason)}, on_exit(ctx, pid))
      {pid, result} -> merge(result, on_exit(ctx, pid))
    end
  end

  # Most tests asked for nothing: then there is nothing to start a process for.
  defp on_exit(ctx, pid) do
    case :ets.lookup(ExUnit.OnExitHandler, pid) do
      [{^pid, nil, []}] ->
        :ets.delete(ExUnit.OnExitHandler, pid)
        :passed

      _ ->
        handled(ctx, pid)
    end
  catch
    :error, :badarg -> handled(ctx, pid)
  end

  defp handled(ctx, pid) do
    run(ctx, fn reply ->
      case ExUnit.OnExitHandler.run(pid, :infinity) do
        :ok -> reply.(:passed)
        {kind, reason, stack} -> reply.(failure(kind, reason, stack))
      end
    end)
    |> case do
      {:died, reason} -> {:failed, "exit", describe(ctx, reason)}
      result -> result
    end
  end

  defp merge(:passed, result), do: result
  defp merge(failed, _result), do: failed

  defp name_text(name) do
    case :erlang.atom_to_binary(name) do
      <<"test ", rest::binary>> -> rest
      other -> other
    end
  end

  defp reversed([], done), do: done
  defp reversed([x | rest], done), do: reversed(rest, [x | done])
end
