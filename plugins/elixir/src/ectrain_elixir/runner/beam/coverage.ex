defmodule EctrainCoverage do
  @moduledoc false
  # The request "cover": which clauses and expressions each test reaches.

  alias EctrainSuite, as: Suite

  def cover(ctx, [code, tests]) do
    with {:ok, {tree, points}} <- instrumented(ctx, code),
         counters = counters(points),
         {:ok, modules} <- compiled(ctx, tree),
         EctrainCleaner.apart(ctx),
         :ok <- EctrainGuard.check(EctrainCompiler.names(modules), ctx),
         {:ok, suite} <- Suite.prepare(ctx, tests, "program_test.exs", "auto") do
      ctx = EctrainProgram.sealed(%{ctx | counters: {counters, length(points)}}, suite)
      results = Suite.results(ctx, suite)
      hits = :erlang.erase(:ectrain_hits)
      [{:phase, "done"}, {:points, points}, {:tests, told(results, reversed(hits, []))}]
    else
      {:failed, kind, message} -> [{:phase, "failed"}, {:kind, kind}, {:message, message}]
    end
  catch
    {:stop, phase, kind, message} -> [{:phase, phase}, {:kind, kind}, {:message, message}]
  after
    :persistent_term.erase(EctrainCounters.key())
    :erlang.erase(:ectrain_hits)
  end

  defp counters(points) do
    counters = :counters.new(length(points) + 1, [])
    :persistent_term.put(EctrainCounters.key(), counters)
    :erlang.put(:ectrain_hits, [])
    counters
  end

  defp instrumented(ctx, code) do
    EctrainCompiler.answered(ctx, fn ->
      with {:ok, tree} <- EctrainTree.parse(code, "program.ex") do
        {tree, points} = EctrainCounters.instrument(tree)
        {:ok, {EctrainTree.plain(tree), points}}
      end
    end)
  end

  defp compiled(ctx, tree) do
    EctrainCompiler.answered(ctx, fn -> EctrainCompiler.compile_quoted(tree, "program.ex") end)
  end

  # Called by the suite after each test: keeps what the test hit and sets the counters to zero.
  def mark(%{counters: nil}), do: :ok

  def mark(%{counters: {counters, number}}) do
    hits = hits(counters, number, [])
    :erlang.put(:ectrain_hits, [hits | :erlang.get(:ectrain_hits)])
  end

  defp hits(_counters, 0, done), do: done

  defp hits(counters, number, done) do
    case :counters.get(counters, number) do
      0 -> hits(counters, number - 1, done)
      count -> zeroed(counters, number, count, done)
    end
  end

  defp zeroed(counters, number, count, done) do
    :counters.put(counters, number, 0)
    hits(counters, number - 1, [[number - 1, count] | done])
  end

  defp told([], _hits), do: []

  defp told([{name, result} | rest], [hits | more]),
    do: [[name, EctrainProgram.state(result), hits] | told(rest, more)]

  defp told([{name, result} | rest], []),
    do: [[name, EctrainProgram.state(result), []] | told(rest, [])]

  defp reversed([], done), do: done
  defp reversed([x | rest], done), do: reversed(rest, [x | done])
end
