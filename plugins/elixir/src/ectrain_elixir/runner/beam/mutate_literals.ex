defmodule EctrainMutateLiterals do
  @moduledoc false
  # Other literals: see the classes of `ectrain_elixir.mutation.operators` for examples.

  import EctrainTree, only: [wrap: 1]

  def at({:__block__, meta, [value]}, place) when place != :module or value == :never do
    if meta[:format] == :keyword or meta[:wrapped], do: [], else: literal(value, place)
  end

  # Parts of an interpolated string are bare.
  def at({:<<>>, meta, parts}, place) when place not in [:module, :guard] do
    if meta[:delimiter] do
      for {part, i} <- Enum.with_index(parts), is_binary(part) do
        {:interpolated_text, {:inside, [{:arg, i}], "mutant", part}}
      end
    else
      []
    end
  end

  def at(_, _), do: []

  defp literal(true, place), do: [{:boolean, wrap(false)} | wildcard(place)]
  defp literal(false, place), do: [{:boolean, wrap(true)} | wildcard(place)]
  defp literal(nil, place), do: [{:nil_value, wrap(:mutant)} | wildcard(place)]

  defp literal(number, place) when is_number(number) do
    one = if is_integer(number), do: 1, else: 1.0

    for {name, value} <- [
          increment_number: number + one,
          decrement_number: number - one,
          zero_number: number * 0,
          negate_number: -number,
          muzak_number: number + 37 * one
        ],
        value != number,
        reduce: wildcard(place) do
      found -> [{name, signed(value)} | found]
    end
  end

  defp literal(:ok, place), do: [{:atom, wrap(:error)} | wildcard(place)]
  defp literal(:error, place), do: [{:atom, wrap(:ok)} | wildcard(place)]
  defp literal(atom, place) when is_atom(atom), do: [{:atom, wrap(:mutant)} | wildcard(place)]
  defp literal("", place), do: [{:string, wrap("mutant")} | wildcard(place)]

  defp literal(text, place) when is_binary(text),
    do: [{:string, wrap("")}, {:muzak_string, wrap("mutant")} | wildcard(place)]

  defp literal([], place) when place != :guard, do: [{:empty_list, wrap([wrap(nil)])}]

  defp literal([_ | _] = list, place) when place not in [:guard, :attribute] do
    if Enum.any?(list, &not_plain?/1), do: [], else: without(list)
  end

  defp literal(_, _), do: []

  defp without(list) do
    for i <- Enum.uniq([0, length(list) - 1]),
        do: {:drop_element, {:inside, [{:arg, 0}, {:item, i}], :drop, Enum.at(list, i)}}
  end

  # [head | tail], and the do-blocks and clauses that are lists, too.
  defp not_plain?({:|, _, _}), do: true
  defp not_plain?({:->, _, _}), do: true
  defp not_plain?({{:__block__, _, [key]}, _}) when is_atom(key), do: true
  defp not_plain?(_), do: false

  defp signed(number) when number < 0, do: {:-, [], [wrap(-number)]}
  defp signed(number), do: wrap(number)

  defp wildcard(:pattern), do: [{:wildcard_pattern, {:_, [], nil}}]
  defp wildcard(_), do: []
end
