defmodule EctrainProgram do
  @moduledoc false
  # The request "run": one program, its suite, and tests that must fail.

  alias EctrainGuard, as: Guard

  def run(ctx, [code, tests, canary, how]) do
    with :ok <- loaded(ctx, code),
         {:ok, suite} <-
           phase("tests", EctrainSuite.prepare(ctx, tests, "program_test.exs", how)),
         ctx = sealed(ctx, suite),
         {:ok, traps} <- phase("canary", EctrainTraps.prepare(ctx, canary)) do
      results = EctrainSuite.results(ctx, suite)
      caught = EctrainSuite.results(%{ctx | words: false}, traps)
      {kind, message} = first_failure(results)
      report("run", kind, message, caught, results)
    else
      {:stop, phase, kind, message} -> stopped(phase, kind, message)
    end
  catch
    {:stop, phase, kind, message} -> stopped(phase, kind, message)
  end

  # Compiles and loads a candidate.
  def loaded(ctx, code) do
    with {:ok, modules} <- phase("candidate", EctrainCompiler.compile(ctx, code, "program.ex")) do
      EctrainCleaner.apart(ctx)
      Guard.check(EctrainCompiler.names(modules), ctx)
    end
  end

  # The modules of a suite must stay what they are, too.
  def sealed(ctx, suite) do
    modules = EctrainSuite.modules(suite)
    Guard.check(modules, ctx)
    %{ctx | seal: Guard.seal(modules, :erlang.map_get(:seal, ctx))}
  end

  def phase(_phase, {:ok, value}), do: {:ok, value}
  def phase(phase, {:failed, kind, message}), do: {:stop, phase, kind, message}

  def stopped(phase, kind, message), do: report(phase, kind, message, [], [])

  defp report(phase, kind, message, caught, results) do
    [
      {:phase, phase},
      {:kind, kind},
      {:message, message},
      {:canary, listed(caught)},
      {:tests, listed(results)}
    ]
  end

  def listed([]), do: []
  def listed([{name, result} | rest]), do: [[name, state(result)] | listed(rest)]

  def state({:failed, _, _}), do: "failed"
  def state(other), do: :erlang.atom_to_binary(other)

  def first_failure([]), do: {"", ""}
  def first_failure([{_, {:failed, kind, message}} | _]), do: {kind, message}
  def first_failure([_ | rest]), do: first_failure(rest)
end
