defmodule EctrainTraps do
  @moduledoc false
  # Tests that must fail: where one passes, something is wrong with assertions themselves. Each is
  # evaluated when it runs, without a function around it, which would need another part of Erlang.

  # {:ok, suite} of a module's tests, in the form that `EctrainSuite` runs.
  def prepare(ctx, source) do
    EctrainCompiler.answered(ctx, fn ->
      with {:ok, {:defmodule, _, [_, [do: {:__block__, _, [_use | tests]}]]}} <-
             EctrainCompiler.parse(source, "canary.exs") do
        {:ok, {:funs, for({:test, _, [name, [do: body]]} <- tests, do: trap(name, body))}}
      end
    end)
  end

  defp trap(name, body) do
    quoted =
      quote do
        import ExUnit.Assertions
        unquote(body)
      end

    {name, %{}, fn _context -> Code.eval_quoted(quoted, [], file: "canary.exs") end}
  end
end
