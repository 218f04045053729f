defmodule EctrainMutateRemovals do
  @moduledoc false
  # Something less: a clause, a statement, a step of a pipe, a key of an update, a message.

  @clauses [:def, :defp]

  # Clauses of a function, where it has others.
  def at({:__block__, _, [_, _ | _] = list}, :module) do
    counts = Enum.frequencies_by(list, &signature/1)

    for {one, i} <- Enum.with_index(list),
        key = signature(one),
        counts[key] > 1,
        do: {:drop_function_clause, {:inside, [{:arg, i}], :drop, one}}
  end

  def at({:__block__, _, [_, _ | _] = list}, :body) do
    for {one, i} <- Enum.with_index(list),
        i < length(list) - 1,
        do: {:drop_statement, {:inside, [{:arg, i}], :drop, one}}
  end

  def at([{:->, _, _}, _ | _] = list, place) when place in [:body, :cond] do
    for {one, i} <- Enum.with_index(list),
        do: {:drop_clause, {:inside, [{:item, i}], :drop, one}}
  end

  def at({:fn, _, [_, _ | _] = list}, :body) do
    for {_one, i} <- Enum.with_index(list) do
      {:drop_clause, {:fn, [], List.delete_at(list, i)}}
    end
  end

  # The only clause behind rescue or else: all of them then.
  def at([_, _ | _] = blocks, :body) do
    for {{{:__block__, _, [key]}, [{:->, _, _}]}, i} <- Enum.with_index(blocks),
        key in [:rescue, :catch, :else],
        do: {:drop_clause, {:inside, [{:item, i}], :drop, Enum.at(blocks, i)}}
  end

  def at({:|>, _, [left, _]}, :body), do: [{:drop_step, left}]

  def at({:%{}, meta, [{:|, inner, [map, pairs]}]}, :body) do
    case pairs do
      [_] ->
        [{:drop_update, map}]

      _ ->
        for i <- 0..(length(pairs) - 1), do: {:drop_update, without(meta, inner, map, pairs, i)}
    end
  end

  def at({:send, _, [_, message]}, :body), do: [{:drop_send, message}]
  def at(_, _), do: []

  defp without(meta, inner, map, pairs, i),
    do: {:%{}, meta, [{:|, inner, [map, List.delete_at(pairs, i)]}]}

  defp signature({name, _, [{:when, _, [head | _]} | _]}) when name in @clauses, do: named(head)
  defp signature({name, _, [head, _]}) when name in @clauses, do: named(head)
  defp signature(_), do: nil

  defp named({name, _, arguments}) when is_list(arguments), do: {name, length(arguments)}
  defp named({name, _, _}), do: {name, 0}
end
