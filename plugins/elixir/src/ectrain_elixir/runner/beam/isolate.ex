defmodule EctrainIsolate do
  @moduledoc false
  # Processes that may run hostile code, and whose answers cannot be forged: an answer carries a
  # reference that is hidden in a fun, and a stack dump shows funs without their contents.
  #
  # Whatever ends a program as a whole is thrown as {:stop, phase, kind, message}.

  @cap 4000
  @look_ms 20

  def run(ctx, body) do
    {_pid, result} = run_with_pid(ctx, body)
    result
  end

  def run_with_pid(ctx, body) do
    ref = make_ref()

    {pid, monitor} =
      start(ctx, fn -> body.(fn result -> exit({:shutdown, {ref, result}}) end) end)

    {pid, await(ctx, pid, monitor, ref)}
  end

  def start(%{leader: leader, heap_words: words}, body) do
    spawn_monitor(fn ->
      :erlang.group_leader(leader, self())
      :erlang.process_flag(:max_heap_size, %{size: words, kill: true, error_logger: false})
      body.()
    end)
  end

  defp await(ctx, pid, monitor, ref) do
    receive do
      {:DOWN, ^monitor, :process, ^pid, {:shutdown, {^ref, result}}} -> result
      {:DOWN, ^monitor, :process, ^pid, reason} -> {:died, reason}
    after
      @look_ms ->
        in_time(ctx, pid)
        await(ctx, pid, monitor, ref)
    end
  end

  # Kills the process and stops the program when wall or CPU time is over.
  def in_time(%{wall_end: wall_end, cpu_end: cpu_end}, pid) do
    {cpu, _} = :erlang.statistics(:runtime)

    cond do
      cpu >= cpu_end -> over(pid, "cpu time")
      :erlang.monotonic_time(:millisecond) >= wall_end -> over(pid, "wall time")
      true -> :ok
    end
  end

  defp over(pid, kind) do
    :erlang.exit(pid, :kill)
    throw({:stop, "timeout", kind, ""})
  end

  # What every part of a request knows: the installation's modules, the seals, the group leader,
  # the limits (no heap limit for 0); whether modules are checked after each test, whether one failed
  # test is enough, and whether failures need words; coverage's counters.
  def context(owned, leader) do
    %{
      owned: owned,
      seal: [],
      leader: leader,
      wall_end: 0,
      cpu_end: 0,
      watch: true,
      early: false,
      words: true,
      heap_words: 0,
      counters: nil
    }
  end

  def limits(ctx, wall_ms, cpu_ms) do
    {cpu, _} = :erlang.statistics(:runtime)
    wall = :erlang.monotonic_time(:millisecond)
    %{ctx | wall_end: wall + wall_ms, cpu_end: cpu + cpu_ms}
  end

  # `inspect` calls code of the candidate for its structs: never in the collector.
  def describe(ctx, reason) do
    case run(ctx, fn reply -> reply.({:text, cap(Exception.format_exit(reason))}) end) do
      {:text, text} -> text
      _ -> "a reason that cannot be shown"
    end
  end

  def failure(%{words: false}, _kind, _reason, _stack), do: {:failed, "", ""}
  def failure(_ctx, kind, reason, stack), do: failure(kind, reason, stack)

  def failure(kind, reason, stack) do
    reason = if kind == :error, do: Exception.normalize(:error, reason, stack), else: reason
    {:failed, label(kind, reason), cap(Exception.format_banner(kind, reason, stack))}
  end

  defp label(:error, %ExUnit.AssertionError{}), do: "assertion"
  defp label(:error, %UndefinedFunctionError{}), do: "undefined function"
  defp label(:error, _), do: "exception"
  defp label(:throw, _), do: "throw"
  defp label(_, _), do: "exit"

  def cap(text) when byte_size(text) > @cap, do: :binary.copy(binary_part(text, 0, @cap))
  def cap(text), do: text
end
