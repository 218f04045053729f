defmodule EctrainCounters do
  @moduledoc false
  # Puts counters into a program's tree: one for each clause of a function, and one for each
  # expression of a body, wherever a body is: in functions, branches, clauses, comprehensions.
  # Macros and quoted code are left alone: they run at compile time.

  @blocks [:if, :unless, :case, :cond, :with, :try, :for, :receive]
  @keys [:do, :else, :rescue, :catch, :after]
  @key :ectrain_counters

  # {tree, points}; a point is [kind, name, line, column], and its counter's number its place + 1.
  def instrument(tree) do
    {tree, points} = forms(tree, nil, [])
    {tree, Enum.reverse(points)}
  end

  def key, do: @key

  # -- modules and functions ------------------------------------------------------------------

  defp forms({:__block__, meta, list}, module, points) do
    {list, points} = Enum.map_reduce(list, points, &forms(&1, module, &2))
    {{:__block__, meta, list}, points}
  end

  defp forms({:defmodule, meta, [{:__aliases__, _, parts} = name, [{key, body}]]}, outer, points) do
    module = Enum.join([outer | parts] |> Enum.reject(&is_nil/1), ".")
    {body, points} = forms(body, module, points)
    {{:defmodule, meta, [name, [{key, body}]]}, points}
  end

  defp forms({:defimpl, meta, arguments}, _outer, points) do
    {before, [[{key, body} | rest]]} = Enum.split(arguments, -1)
    {body, points} = forms(body, Macro.to_string(hd(arguments)), points)
    {{:defimpl, meta, before ++ [[{key, body} | rest]]}, points}
  end

  defp forms({kind, meta, [head, blocks]}, module, points)
       when kind in [:def, :defp] and is_list(blocks) do
    {line, column} = EctrainTree.place({kind, meta, []})
    {name, arity} = named(head)
    point = ["clause", "#{module}.#{name}/#{arity}", line, column]
    points = [point | points]
    entered = hit(length(points))

    {blocks, points} =
      Enum.map_reduce(blocks, points, fn {key, body}, points ->
        {body, points} = block(body, points)
        {{key, if(key_name(key) == :do, do: joined(entered, body), else: body)}, points}
      end)

    {{kind, meta, [head, blocks]}, points}
  end

  defp forms(other, _module, points), do: {other, points}

  defp named({:when, _, [head | _]}), do: named(head)
  defp named({name, _, arguments}) when is_list(arguments), do: {name, length(arguments)}
  defp named({name, _, _}), do: {name, 0}

  # -- bodies ---------------------------------------------------------------------------------

  # What stands under do, else and so on: a body, or clauses.
  defp block([{:->, _, _} | _] = clauses, points), do: clauses(clauses, points)
  defp block(body, points), do: body(body, points)

  defp clauses(clauses, points) do
    Enum.map_reduce(clauses, points, fn {:->, meta, [left, body]}, points ->
      {body, points} = body(body, points)
      {{:->, meta, [left, body]}, points}
    end)
  end

  defp body({:__block__, meta, [_, _ | _] = list}, points) do
    {list, points} = Enum.map_reduce(list, points, &expression/2)
    {{:__block__, meta, List.flatten(list)}, points}
  end

  defp body(one, points) do
    {list, points} = expression(one, points)
    {{:__block__, [], list}, points}
  end

  defp expression(node, points) do
    {line, column} = EctrainTree.place(node)
    points = if line > 0, do: [["expression", "", line, column] | points], else: points
    entered = hit(length(points))
    {node, points} = inner(node, points)
    {if(line > 0, do: [entered, node], else: [node]), points}
  end

  # Bodies inside an expression; patterns, guards and quoted code are not entered.
  defp inner({:quote, _, _} = node, points), do: {node, points}
  defp inner({:@, _, _} = node, points), do: {node, points}

  defp inner({:fn, meta, list}, points) do
    {list, points} = clauses(list, points)
    {{:fn, meta, list}, points}
  end

  defp inner({name, meta, [left, right]}, points) when name in [:=, :<-] do
    {right, points} = inner(right, points)
    {{name, meta, [left, right]}, points}
  end

  defp inner({name, meta, [_ | _] = arguments}, points) when name in @blocks do
    {before, [last]} = Enum.split(arguments, -1)
    {before, points} = Enum.map_reduce(before, points, &inner/2)
    {last, points} = if blocks?(last), do: blocks(last, points), else: inner(last, points)
    {{name, meta, before ++ [last]}, points}
  end

  defp inner({form, meta, arguments}, points) when is_list(arguments) do
    {arguments, points} = Enum.map_reduce(arguments, points, &inner/2)
    {{form, meta, arguments}, points}
  end

  defp inner({left, right}, points) do
    {left, points} = inner(left, points)
    {right, points} = inner(right, points)
    {{left, right}, points}
  end

  defp inner(list, points) when is_list(list), do: Enum.map_reduce(list, points, &inner/2)
  defp inner(other, points), do: {other, points}

  defp blocks?([{key, _} | _]), do: true and key_name(key) != nil
  defp blocks?(_), do: false

  defp blocks(list, points) do
    Enum.map_reduce(list, points, fn {key, value}, points ->
      {value, points} = if key_name(key) in @keys, do: block(value, points), else: {value, points}
      {{key, value}, points}
    end)
  end

  defp key_name({:__block__, _, [key]}) when is_atom(key), do: key
  defp key_name(_), do: nil

  defp joined(entered, {:__block__, meta, list}), do: {:__block__, meta, [entered | list]}

  defp hit(number) do
    quote do
      :counters.add(:persistent_term.get(unquote(@key)), unquote(number), 1)
    end
  end
end
