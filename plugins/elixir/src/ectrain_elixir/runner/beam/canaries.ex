defmodule EctrainCanaries do
  @moduledoc false
  # Programs that behave like the original and are other code: no honest test tells them apart, but
  # one does that compares checksums or reads code.

  # Two of them, where the program has a function with a body; as trees for the compiler.
  def all(tree, mark) do
    for change <- [&quiet/2, &extra/2],
        {changed, true} <- [change.(tree, mark)],
        do: EctrainTree.plain(changed)
  end

  # A function first does what nobody sees.
  defp quiet(tree, mark) do
    once(tree, fn
      {name, meta, [head, [{{:__block__, _, [:do]} = key, body} | rest]]}
      when name in [:def, :defp] ->
        put = quote(do: :erlang.put(:ectrain_quiet, unquote(mark)))
        {name, meta, [head, [{key, {:__block__, [], [put, body]}} | rest]]}

      _ ->
        nil
    end)
  end

  # A module has a function that nobody calls.
  defp extra(tree, mark) do
    once(tree, fn
      {:defmodule, meta, [name, [{key, {:__block__, inner, [_, _ | _] = list}}]]} ->
        added = quote(do: def(unquote(:"ectrain_#{mark}")(), do: unquote(mark)))
        {:defmodule, meta, [name, [{key, {:__block__, inner, list ++ [added]}}]]}

      {:defmodule, meta, [name, [{key, one}]]} ->
        added = quote(do: def(unquote(:"ectrain_#{mark}")(), do: unquote(mark)))
        {:defmodule, meta, [name, [{key, {:__block__, [], [one, added]}}]]}

      _ ->
        nil
    end)
  end

  defp once(tree, change) do
    Macro.prewalk(tree, false, fn
      node, true -> {node, true}
      node, false -> if new = change.(node), do: {new, true}, else: {node, false}
    end)
  end
end
