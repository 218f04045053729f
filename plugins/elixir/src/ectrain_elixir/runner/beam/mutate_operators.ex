defmodule EctrainMutateOperators do
  @moduledoc false
  # Other operators and operands.

  import EctrainTree, only: [wrap: 1]

  @boundary %{<: :<=, <=: :<, >: :>=, >=: :>}
  @negated %{<: :>=, <=: :>, >: :<=, >=: :<}
  @equality %{==: :!=, !=: :==, ===: :!==, !==: :===}
  @arithmetic %{+: :-, -: :+, *: :/, /: :*, div: :rem, rem: :div}
  @lists %{++: :--, --: :++}
  @logical %{and: :or, or: :and, &&: :||, ||: :&&}

  def at(_, place) when place in [:pattern, :module], do: []

  def at({name, meta, [left, right]}, place) when is_atom(name) do
    swaps =
      for {operator, table} <- [
            boundary: @boundary,
            negate_relation: @negated,
            equality: @equality,
            arithmetic: @arithmetic,
            list_operator: @lists,
            logical: @logical
          ],
          other = table[name],
          place != :guard or operator != :logical or name in [:and, :or],
          do: {operator, {other, meta, [left, right]}}

    swaps ++ operands(name, left, right, place) ++ range(name, meta, left, right, place)
  end

  def at({:"..//", meta, [left, right, step]}, :body) do
    for operator <- [:+, :-],
        do: {:range_end, {:"..//", meta, [left, {operator, [], [right, wrap(1)]}, step]}}
  end

  def at({name, _, [inner]}, _) when name in [:not, :!], do: [{:drop_not, inner}]
  def at(_, _), do: []

  defp operands(name, left, right, _) when is_map_key(@logical, name),
    do: [{:drop_operand, left}, {:drop_operand, right}]

  defp operands(name, left, right, :body) when name in [:<>, :++],
    do: [{:drop_part, left}, {:drop_part, right}]

  defp operands(_, _, _, _), do: []

  defp range(:.., meta, left, right, :body) do
    for operator <- [:+, :-],
        do: {:range_end, {:.., meta, [left, {operator, [], [right, wrap(1)]}]}}
  end

  defp range(_, _, _, _, _), do: []
end
