defmodule EctrainCollector do
  @moduledoc false
  # Takes requests and answers them, each under the key that came with it. Rules of these files,
  # each against an attack:
  #   * the collector (the process that knows the key) never runs code of a candidate, is
  #     `sensitive` (no tracing, no look into its stack or mailbox), and while hostile code may be
  #     alive uses nothing but BIFs and local functions, for library modules can be replaced;
  #   * whatever may run candidate code does so in a process of its own (`EctrainIsolate`);
  #   * an answer is authenticated with MD5-HMAC made of the BIF `:erlang.md5`, because `:crypto`
  #     can be replaced by the candidate and costs start-up time;
  #   * test results come from functions that returned, never from messages anyone can send.

  def main do
    collector = spawn(&start/0)
    # Whoever kills the collector should not have to be waited for until time is over.
    spawn(fn -> watch(:erlang.monitor(:process, collector)) end)
  end

  defp watch(monitor) do
    receive do
      {:DOWN, ^monitor, :process, _, _} -> :erlang.halt(1)
    end
  end

  defp start do
    :erlang.process_flag(:sensitive, true)
    :erlang.process_flag(:trap_exit, true)
    :erlang.process_flag(:priority, :max)
    [mode, input, output, folder] = :init.get_plain_arguments()
    {port, base} = prepared(mode, input, output, folder)
    loop(port, base)
  end

  # A sensitive process dies in silence; before there is a key, its reason may be told.
  defp prepared(mode, input, output, folder) do
    owned = EctrainGuard.owned(folder)
    EctrainStart.prepare(mode, folder, owned)
    fds = {:fd, :erlang.list_to_integer(input), :erlang.list_to_integer(output)}
    port = :erlang.open_port(fds, [:binary, {:packet, 4}, :eof])
    ctx = EctrainIsolate.context(owned, self())
    base = if mode == 'warm', do: EctrainCleaner.baseline(ctx), else: EctrainCleaner.seen(ctx)
    {port, Map.merge(base, %{again: mode == 'warm', home: folder})}
  catch
    kind, reason ->
      :erlang.display({kind, reason, __STACKTRACE__})
      :erlang.halt(1)
  end

  defp loop(port, base) do
    receive do
      {^port, {:data, data}} -> loop(port, served(port, base, copied(fields(data))))
      {^port, :eof} -> :erlang.halt(0)
      _ -> loop(port, base)
    end
  end

  # A first frame with the result, and a second one that says whether the machine is still clean.
  defp served(port, base, [key, "hello"]) do
    say(port, key, [{:version, System.version()}])
    base
  end

  defp served(port, base, [key, kind, wall_ms, cpu_ms, output_bytes | arguments]) do
    {before, _} = :erlang.statistics(:runtime)
    capture = EctrainCapture.start(:erlang.binary_to_integer(output_bytes))
    usual = :erlang.whereis(:standard_error)
    rename(:standard_error, capture)
    wall = :erlang.binary_to_integer(wall_ms)
    ctx = EctrainIsolate.limits(base, wall, :erlang.binary_to_integer(cpu_ms))
    if not base.again, do: complete(kind, base.home, arguments)
    known = Map.put(base.processes, capture, true)
    result = answer(kind, %{ctx | leader: capture, processes: known}, arguments)
    {now, _} = :erlang.statistics(:runtime)
    output = EctrainCapture.stop(capture)
    say(port, key, [{:output, output}, {:cpu_ms, now - before} | result])
    rename(:standard_error, usual)
    if base.again, do: cleaned(port, key, base), else: base
  end

  # A strict machine starts with what most programs need.
  defp complete("run", folder, [code, tests | _]),
    do: for(text <- [code, tests], do: EctrainStart.named(text, folder))

  defp complete(_kind, folder, _arguments), do: EctrainStart.more(folder)

  defp answer("run", ctx, arguments), do: EctrainProgram.run(ctx, arguments)
  defp answer("mutants", ctx, arguments), do: EctrainMutation.mutants(ctx, arguments)
  defp answer("show", ctx, arguments), do: EctrainMutation.show(ctx, arguments)
  defp answer("build", ctx, arguments), do: EctrainBuilder.build(ctx, arguments)
  defp answer("kill", ctx, arguments), do: EctrainKiller.kill(ctx, arguments)
  defp answer("cover", ctx, arguments), do: EctrainCoverage.cover(ctx, arguments)
  defp answer("analyse", ctx, arguments), do: EctrainAnalysis.analyse(ctx, arguments)
  defp answer("format", ctx, arguments), do: EctrainAnalysis.format(ctx, arguments)

  defp cleaned(port, key, base) do
    {dirt, base} = EctrainCleaner.clean(base)
    :erlang.garbage_collect()

    memory = :erlang.memory(:total)
    atoms = :erlang.system_info(:atom_count)
    say(port, key, [{:dirt, dirt}, {:atoms, atoms}, {:memory, memory}])

    base
  end

  defp rename(name, pid) do
    if :erlang.whereis(name) != :undefined, do: :erlang.unregister(name)
    :erlang.register(name, pid)
  catch
    :error, :badarg -> true
  end

  # -- wire format: a count, then fields with their lengths; answers are JSON and a code ------

  defp fields(<<_count::32, rest::binary>>), do: more_fields(rest)
  defp more_fields(<<>>), do: []

  defp more_fields(<<n::32, field::binary-size(n), rest::binary>>),
    do: [field | more_fields(rest)]

  # Parts of one binary share its memory: the candidate's text must not lie beside the key.
  defp copied(list), do: for(field <- list, do: :binary.copy(field))

  defp say(port, key, answer) do
    payload = EctrainJson.encode({answer})
    :erlang.port_command(port, [payload, hmac(key, payload)])
  end

  defp hmac(key, payload) do
    inner = :erlang.md5([masked(key, 0x36), payload])
    :erlang.md5([masked(key, 0x5C), inner])
  end

  # The key has the block size of MD5, 64 bytes, so it needs neither hashing nor padding.
  defp masked(key, byte), do: for(<<k <- key>>, into: <<>>, do: <<:erlang.bxor(k, byte)>>)
end
