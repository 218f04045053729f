defmodule EctrainHarness do
  @moduledoc false
  # Runs one hostile program and its ExUnit tests, and reports on a private file descriptor.
  #
  # Rules of this file, each against an attack:
  #   * the collector (the process that knows the key) never runs code of the candidate, is
  #     `sensitive` (no tracing, no look into its stack or mailbox), and after the candidate is
  #     loaded uses nothing but BIFs and local functions, for library modules can be replaced;
  #   * whatever may run candidate code does so in a process of its own, whose answer carries a
  #     reference that is hidden in a fun: a stack dump shows funs without their contents;
  #   * the record is authenticated with MD5-HMAC made of the BIF `:erlang.md5`, because `:crypto`
  #     can be replaced by the candidate and costs start-up time;
  #   * test results come from functions that returned, never from messages anyone can send.

  @cap 4000

  def main do
    collector = spawn(&collector/0)
    # Whoever kills the collector should not have to be waited for until time is over.
    spawn(fn -> watch(:erlang.monitor(:process, collector)) end)
  end

  defp watch(monitor) do
    receive do
      {:DOWN, ^monitor, :process, _, _} -> :erlang.halt(1)
    end
  end

  defp collector do
    :erlang.process_flag(:sensitive, true)
    :erlang.process_flag(:trap_exit, true)
    [key, fd, code, tests, canary] = copied(fields(read_input()))
    {:ok, _} = :application.ensure_all_started(:elixir)
    {:ok, _} = :application.ensure_all_started(:ex_unit)
    dirs = for app <- [:elixir, :ex_unit, :eex, :logger], do: :code.lib_dir(app, :ebin)
    for dir <- dirs, do: :code.stick_dir(dir)
    preload()
    fd = :erlang.binary_to_integer(fd)
    port = :erlang.open_port({:fd, fd, fd}, [:out, :binary])
    say = fn list -> :erlang.port_command(port, frame(key, list)) end
    say.(["ready", System.version()])
    owned = owned(dirs)
    say.(["result" | judge(code, tests, canary, owned, seal(:erlang.loaded(), []))])
    :erlang.halt(0)
  end

  # -- the phases ---------------------------------------------------------------------------

  defp judge(code, tests, canary, owned, seal) do
    with {:ok, _} <- guarded("candidate", compile(code, "program.ex"), owned, seal),
         {:ok, suite} <- guarded("tests", compile(tests, "program_test.exs"), owned, seal),
         {:ok, traps} <- guarded("canary", compile(canary, "canary.exs"), owned, seal),
         seal = seal(suite, seal(traps, seal)),
         {:ok, results} <- run_modules(suite, owned, seal, []),
         {:ok, caught} <- run_modules(traps, owned, seal, []) do
      {kind, message} = first_failure(results)
      ["run", kind, message] ++ listed(caught) ++ listed(results) ++ ["end"]
    else
      {:stop, phase, kind, message} -> [phase, kind, message, "0", "0", "end"]
    end
  end

  defp guarded(phase, outcome, owned, seal) do
    case {intact(outcome, owned, seal), outcome} do
      {{:broken, what}, _} -> {:stop, "integrity", "tamper", "replaces " <> what}
      {:ok, {:ok, modules}} -> {:ok, modules}
      {:ok, {:failed, kind, message}} -> {:stop, phase, kind, message}
    end
  end

  defp compile(source, file) do
    isolated(fn reply ->
      try do
        Code.compiler_options(docs: false, debug_info: false, ignore_module_conflict: true)
        quoted = Code.string_to_quoted!(source, file: file)
        reply.({:compiled, try_compile(quoted, file)})
      rescue
        error -> reply.({:failed, "parse", cap(Exception.message(error))})
      end
    end)
    |> case do
      {:compiled, outcome} -> outcome
      {:failed, _, _} = failed -> failed
      {:died, reason} -> {:failed, "exit", describe(reason)}
    end
  end

  defp try_compile(quoted, file) do
    {:ok, for({module, _} <- Code.compile_quoted(quoted, file), do: module)}
  catch
    :error, %CompileError{} = error -> {:failed, "compile", cap(Exception.message(error))}
    kind, reason -> failure(kind, reason, __STACKTRACE__)
  end

  # -- running tests ------------------------------------------------------------------------

  defp run_modules([], _owned, _seal, done), do: {:ok, reversed(done, [])}

  defp run_modules([module | rest], owned, seal, done) do
    case run_module(module, owned, seal, done) do
      {:ok, done} -> run_modules(rest, owned, seal, done)
      stop -> stop
    end
  end

  defp run_module(module, owned, seal, done) do
    me = self()
    ref = make_ref()

    {pid, monitor} =
      spawn_monitor(fn -> module_process(module, fn result -> send(me, {ref, result}) end) end)

    started =
      receive do
        {^ref, result} -> result
        {:DOWN, ^monitor, :process, ^pid, reason} -> {:setup_died, reason}
      end

    case started do
      :not_a_test_module ->
        {:ok, done}

      {:tests, tests, context} ->
        outcome = run_tests(tests, context, owned, seal, done)
        :erlang.exit(pid, :kill)
        on_exit(pid)
        outcome

      {:setup_failed, tests, failed} ->
        {:ok, for({_, name, _} <- tests, do: {name, failed}) ++ done}

      {:setup_died, reason} ->
        {:stop, "tests", "exit", "setup_all ended with " <> describe(reason)}
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

  defp run_tests([], _context, _owned, _seal, done), do: {:ok, done}

  defp run_tests([{_, name, _} = test | rest], context, owned, seal, done) do
    result = run_test(test, context)

    case intact({:ok, []}, owned, seal) do
      :ok -> run_tests(rest, context, owned, seal, [{name, result} | done])
      {:broken, what} -> {:stop, "integrity", "tamper", "replaces " <> what}
    end
  end

  defp run_test({_, _, %{skip: why}}, _context) when why != false, do: :skipped

  defp run_test({module, name, tags}, context) do
    isolated_with_pid(fn reply ->
      ExUnit.OnExitHandler.register(self())

      try do
        context = Map.merge(Map.merge(tags, context), %{test_pid: self(), test: name})
        apply(module, name, [module.__ex_unit__(:setup, context)])
      catch
        kind, reason -> reply.(failure(kind, reason, __STACKTRACE__))
      else
        _ -> reply.(:passed)
      end
    end)
    |> case do
      {pid, {:died, reason}} -> merge({:failed, "exit", describe(reason)}, on_exit(pid))
      {pid, result} -> merge(result, on_exit(pid))
    end
  end

  defp on_exit(pid) do
    isolated(fn reply ->
      case ExUnit.OnExitHandler.run(pid, :infinity) do
        :ok -> reply.(:passed)
        {kind, reason, stack} -> reply.(failure(kind, reason, stack))
      end
    end)
    |> case do
      {:died, reason} -> {:failed, "exit", describe(reason)}
      result -> result
    end
  end

  defp merge(:passed, result), do: result
  defp merge(failed, _result), do: failed

  # -- processes whose answers cannot be forged ---------------------------------------------

  defp isolated(body) do
    {_pid, result} = isolated_with_pid(body)
    result
  end

  defp isolated_with_pid(body) do
    ref = make_ref()

    {pid, monitor} =
      spawn_monitor(fn -> body.(fn result -> exit({:shutdown, {ref, result}}) end) end)

    receive do
      {:DOWN, ^monitor, :process, ^pid, {:shutdown, {^ref, result}}} -> {pid, result}
      {:DOWN, ^monitor, :process, ^pid, reason} -> {pid, {:died, reason}}
    end
  end

  # `inspect` calls code of the candidate for its structs: never in the collector.
  defp describe(reason) do
    case isolated(fn reply -> reply.({:text, cap(Exception.format_exit(reason))}) end) do
      {:text, text} -> text
      _ -> "a reason that cannot be shown"
    end
  end

  defp failure(kind, reason, stack) do
    reason = if kind == :error, do: Exception.normalize(:error, reason, stack), else: reason
    {:failed, label(kind, reason), cap(Exception.format_banner(kind, reason, stack))}
  end

  defp label(:error, %ExUnit.AssertionError{}), do: "assertion"
  defp label(:error, %UndefinedFunctionError{}), do: "undefined function"
  defp label(:error, _), do: "exception"
  defp label(:throw, _), do: "throw"
  defp label(_, _), do: "exit"

  defp cap(text) when byte_size(text) > @cap, do: :binary.copy(binary_part(text, 0, @cap))
  defp cap(text), do: text

  # -- integrity: the modules that decide are the ones of the installation -------------------

  defp preload do
    for module <- [ExUnit.AssertionError, ExUnit.Assertions, ExUnit.Callbacks, ExUnit.Case] ++
                    [ExUnit.OnExitHandler, ExUnit.Test, ExUnit.TestModule, Exception] ++
                    [Code, Kernel, Map, Process, System] do
      {:module, _} = :code.ensure_loaded(module)
    end
  end

  defp owned(dirs) do
    for dir <- [:code.lib_dir(:stdlib, :ebin), :code.lib_dir(:kernel, :ebin) | dirs],
        {:ok, files} = :file.list_dir(dir),
        file <- files,
        :filename.extension(file) == '.beam',
        into: %{},
        do: {:erlang.list_to_atom(:filename.rootname(file)), dir}
  end

  defp seal([], done), do: done

  defp seal([module | rest], done),
    do: seal(rest, [{module, :erlang.get_module_info(module, :md5)} | done])

  defp intact({:ok, [module | rest]}, owned, seal) do
    case owned do
      %{^module => _} -> {:broken, :erlang.atom_to_binary(module)}
      _ -> intact({:ok, rest}, owned, seal)
    end
  end

  defp intact(_outcome, _owned, seal), do: unchanged(seal)

  defp unchanged([]), do: :ok

  defp unchanged([{module, md5} | rest]) do
    if :erlang.module_loaded(module) and :erlang.get_module_info(module, :md5) == md5 do
      unchanged(rest)
    else
      {:broken, :erlang.atom_to_binary(module)}
    end
  end

  # -- wire format: a count, then fields with their lengths -----------------------------------

  defp read_input do
    port = :erlang.open_port({:fd, 0, 0}, [:in, :binary, :eof])
    input = read_input(port, [])
    :erlang.port_close(port)
    input
  end

  defp read_input(port, done) do
    receive do
      {^port, {:data, data}} -> read_input(port, [done, data])
      {^port, :eof} -> :erlang.iolist_to_binary(done)
    end
  end

  defp fields(<<_count::32, rest::binary>>), do: more_fields(rest)
  defp more_fields(<<>>), do: []
  defp more_fields(<<n::32, field::binary-size(n), rest::binary>>), do: [field | more_fields(rest)]

  # Parts of one binary share its memory: the candidate's text must not lie beside the key.
  defp copied(list), do: for(field <- list, do: :binary.copy(field))

  defp frame(key, list) do
    payload = <<:erlang.length(list)::32, packed(list, <<>>)::binary>>
    [<<"ECT1", byte_size(payload)::32>>, payload, hmac(key, payload)]
  end

  defp packed([], done), do: done
  defp packed([f | rest], done), do: packed(rest, <<done::binary, byte_size(f)::32, f::binary>>)

  defp hmac(key, payload) do
    inner = :erlang.md5([masked(key, 0x36), payload])
    :erlang.md5([masked(key, 0x5C), inner])
  end

  # The key has the block size of MD5, 64 bytes, so it needs neither hashing nor padding.
  defp masked(key, byte), do: for(<<k <- key>>, into: <<>>, do: <<:erlang.bxor(k, byte)>>)

  defp listed(results) do
    [:erlang.integer_to_binary(:erlang.length(results)) | named(results)]
  end

  defp named([]), do: []
  defp named([{name, result} | rest]), do: [name_text(name), state(result) | named(rest)]

  defp name_text(name) do
    case :erlang.atom_to_binary(name) do
      <<"test ", rest::binary>> -> rest
      other -> other
    end
  end

  defp state({:failed, _, _}), do: "failed"
  defp state(other), do: :erlang.atom_to_binary(other)

  defp first_failure([]), do: {"", ""}
  defp first_failure([{_, {:failed, kind, message}} | _]), do: {kind, message}
  defp first_failure([_ | rest]), do: first_failure(rest)

  defp reversed([], done), do: done
  defp reversed([x | rest], done), do: reversed(rest, [x | done])
end
