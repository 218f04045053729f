defmodule EctrainCleaner do
  @moduledoc false
  # Between two programs in one virtual machine: end what is left over, unload what was loaded, put
  # settings back, and compare everything else with what it was before the first program. The
  # answer is "" or the first difference: then the machine must not be used again.

  @sweep_ms 1000
  @config :elixir_config
  @settings [@config, :ac_tab]

  # Remembers the state of a machine that no program has touched.
  def baseline(ctx) do
    {:ok, folder} = :file.get_cwd()
    settings = for table <- @settings, do: {table, :ets.tab2list(table)}
    tests = :sys.get_state(ExUnit.Server)
    Map.merge(seen(ctx), %{folder: folder, settings: settings, tests: tests, facts: facts()})
  end

  # Remembers what is there before a program: processes, ports, modules, and how is compiled.
  def seen(ctx) do
    processes = Map.new(:erlang.processes(), &{&1, true})
    ports = Map.new(:erlang.ports(), &{&1, true})
    config = :ets.tab2list(@config)
    Map.merge(ctx, %{processes: processes, ports: ports, seal: EctrainGuard.seal(), config: config})
  end

  # Between the compilations of a program and of its tests: what the first one starts and sets (a
  # tracer, say, that replaces modules) may not reach the second one. BIFs only.
  def apart(base) do
    swept(base, :erlang.monotonic_time(:millisecond) + @sweep_ms) ||
      throw({:stop, "candidate", "exit", "what it started cannot be ended"})

    if :ets.tab2list(@config) != base.config do
      :ets.delete_all_objects(@config)
      :ets.insert(@config, base.config)
    end
  end

  # Returns {"" or the reason why the machine is spent, the base}.
  def clean(base) do
    with true <- swept(base, :erlang.monotonic_time(:millisecond) + @sweep_ms) || "processes",
         :ok <- EctrainGuard.unchanged(base.seal),
         :ok <- EctrainGuard.genuine(:erlang.loaded(), base.owned) do
      seal = unload(base)
      restore(base)
      {difference(base.facts, facts()), %{base | seal: seal}}
    else
      {:broken, module} -> {"module " <> module, base}
      "processes" -> {"processes", base}
    end
  end

  # Ends every process and port that came after the base. BIFs only.
  def swept(base, deadline) do
    case left(:erlang.processes(), base.processes, []) do
      [] ->
        close(left(:erlang.ports(), base.ports, []))

      pids ->
        kill(pids)

        receive do
        after
          1 -> :ok
        end

        :erlang.monotonic_time(:millisecond) < deadline and swept(base, deadline)
    end
  end

  defp left([], _known, done), do: done

  defp left([one | rest], known, done) do
    if :erlang.is_map_key(one, known),
      do: left(rest, known, done),
      else: left(rest, known, [one | done])
  end

  defp kill([]), do: true

  defp kill([pid | rest]) do
    :erlang.exit(pid, :kill)
    kill(rest)
  end

  defp close([]), do: true

  defp close([port | rest]) do
    try do
      :erlang.port_close(port)
    catch
      :error, :badarg -> true
    end

    close(rest)
  end

  # Removes new modules but those of the installation; returns the seals of all that stay.
  defp unload(%{seal: seal, owned: owned}) do
    known = Map.new(seal)
    fresh = for module <- :erlang.loaded(), not is_map_key(known, module), do: module
    {kept, gone} = Enum.split_with(fresh, &is_map_key(owned, &1))
    for module <- gone, do: purge(module)
    EctrainGuard.seal(kept, seal)
  end

  def purge(module) do
    :code.purge(module)
    :code.delete(module)
    :code.purge(module)
  end

  # Between two mutants: nothing that one leaves may reach the next. Where something cannot be ended,
  # the machine is, and the referee looks for the mutant that did it.
  def cleared(base) do
    swept(base, :erlang.monotonic_time(:millisecond) + 3 * @sweep_ms) || :erlang.halt(1)
    EctrainGuard.check([], base)
    restore(base)
    constants(base.facts.constants, :persistent_term.get())
    environment(base.facts.environment, :os.env())
  end

  defp constants(same, same), do: :ok

  defp constants(base, now) do
    for {key, _} <- now, not List.keymember?(base, key, 0), do: :persistent_term.erase(key)
    for {key, value} <- base, do: :persistent_term.put(key, value)
  end

  defp environment(same, same), do: :ok

  defp environment(base, now) do
    for {name, _} <- now, not List.keymember?(base, name, 0), do: :os.unsetenv(name)
    for {name, value} <- base, do: :os.putenv(name, value)
  end

  defp restore(base) do
    for {table, rows} <- base.settings, :ets.tab2list(table) != rows do
      :ets.delete_all_objects(table)
      :ets.insert(table, rows)
    end

    :prim_file.set_cwd(base.folder)
    {:ok, names} = :prim_file.list_dir(base.folder)
    for name <- names, do: File.rm_rf(Path.join(base.folder, name))
    :ets.delete_all_objects(ExUnit.OnExitHandler)
    :sys.replace_state(ExUnit.Server, fn _ -> base.tests end)
  end

  defp difference(base, now),
    do: Enum.find_value(base, "", fn {k, v} -> now[k] != v && "#{k}" end)

  defp facts do
    %{
      names: Enum.sort(for(name <- :erlang.registered(), do: {name, :erlang.whereis(name)})),
      constants: :persistent_term.get(),
      environment: :os.env(),
      tables: Enum.sort(:ets.all()),
      unfinished_modules: :ets.info(:elixir_modules, :size),
      code_path: :code.get_path(),
      files: :prim_file.list_dir('.')
    }
  end
end
