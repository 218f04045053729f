defmodule EctrainMutateResults do
  @moduledoc false
  # Other results of functions, and names of functions.

  import EctrainTree, only: [wrap: 1]

  def at({name, _, [head, [{{:__block__, _, [:do]} = key, body} | _] = blocks]}, _)
      when name in [:def, :defp] do
    {steps, last} = last(body, [1, {:item, index(blocks, key)}, {:arg, 1}])
    steps = Enum.reverse(steps)
    renamed(head) ++ for {name, new} <- values(last), do: {name, {:inside, steps, new, last}}
  end

  # What an argument is where none is given.
  def at({:\\, meta, [argument, _default]}, :default),
    do: [{:default_argument, {:\\, meta, [argument, wrap(nil)]}}]

  # What a GenServer answers.
  def at({:{}, meta, [{:__block__, _, [:reply]}, _, state]}, :body),
    do: [{:reply_tag, {:{}, meta, [wrap(:noreply), state]}}]

  def at({:__block__, _, [{{:__block__, _, [:noreply]}, state}]}, :body),
    do: [{:reply_tag, {:{}, [], [wrap(:stop), wrap(:normal), state]}}]

  def at(_, _), do: []

  defp index(blocks, key), do: Enum.find_index(blocks, fn {k, _} -> k == key end)

  # Steps here are in reverse.
  defp last({:__block__, _, [_, _ | _] = list}, steps),
    do: last(List.last(list), [{:arg, length(list) - 1} | steps])

  defp last(node, steps), do: {steps, node}

  defp values(last) do
    for {name, value} <- [return_nil: nil, return_atom: :mutant, return_empty: empty(last)],
        value != :none,
        do: {name, wrap(value)}
  end

  defp empty({:__block__, _, [[_ | _]]}), do: []
  defp empty({:__block__, _, [text]}) when is_binary(text) and text != "", do: ""
  defp empty({:<<>>, _, _}), do: ""
  defp empty({:<>, _, _}), do: ""
  defp empty({:++, _, _}), do: []
  defp empty({operator, _, [_, _]}) when operator in [:+, :-, :*, :div, :rem], do: 0
  defp empty({{:., _, [{:__aliases__, _, [:Enum]}, f]}, _, _}) when f in [:map, :filter], do: []
  defp empty({{:., _, [{:__aliases__, _, [:String]}, _]}, _, _}), do: ""
  defp empty({:|>, _, [_, step]}), do: empty(step)
  defp empty(_), do: :none

  defp renamed({:when, _, [head | _]}) do
    for {name, {:inside, [_ | steps], new, old}} <- renamed(head),
        do: {name, {:inside, [{:arg, 0}, {:arg, 0} | steps], new, old}}
  end

  defp renamed({name, meta, arguments} = head) when is_atom(name),
    do: [{:rename_function, {:inside, [{:arg, 0}], {:mutant, meta, arguments}, head}}]

  defp renamed(_), do: []
end
