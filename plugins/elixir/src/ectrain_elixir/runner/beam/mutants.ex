defmodule EctrainMutants do
  @moduledoc false
  # Finds every mutant of a program: walks its tree once and asks all operators about each node.
  #
  # An operator module has at(node, place) -> [{name, new node}], where place says what surrounds
  # the node: :body, :pattern, :guard, :attribute or :module. Not touched: documentation, types,
  # directives, quoted code, sigils, sizes in binaries, arities, keys of keyword lists.

  @operators [
    EctrainMutateLiterals,
    EctrainMutateOperators,
    EctrainMutateConditions,
    EctrainMutateRemovals,
    EctrainMutateCalls,
    EctrainMutateResults
  ]

  @definitions [:def, :defp, :defmacro, :defmacrop]
  @silent_attributes [:spec, :type, :typep, :opaque, :callback, :macrocallback, :impl, :doc] ++
                       [:moduledoc, :typedoc, :behaviour, :compile, :dialyzer, :on_load] ++
                       [:before_compile, :after_compile, :external_resource, :deprecated, :since] ++
                       [:optional_callbacks, :derive, :enforce_keys]
  @skipped [:use, :import, :require, :alias, :quote, :__aliases__, :defprotocol, :defdelegate] ++
             [:defexception, :doctest]

  # [{path, operator, new node, old node}] in the order of the text
  def all(tree, operators \\ @operators) do
    Process.put(__MODULE__, operators)

    tree
    |> walk([], :module, [])
    |> Enum.reverse()
    |> Enum.uniq_by(fn {path, _, new, _} -> {path, EctrainTree.text(new)} end)
  end

  defp walk(node, path, place, found),
    do: children(node, path, place, all_asked(node, path, place, found))

  defp all_asked(node, path, place, found),
    do: Enum.reduce(Process.get(__MODULE__), found, &asked(&1, node, path, place, &2))

  defp asked(operator, node, path, place, found) do
    Enum.reduce(operator.at(node, place), found, fn
      {name, {:inside, steps, new, old}}, found ->
        keep(Enum.reverse(path, steps), name, new, old, found)

      {name, new}, found ->
        keep(Enum.reverse(path), name, new, node, found)
    end)
  end

  # A mutant that reads like the original is none.
  defp keep(path, name, new, old, found) do
    if EctrainTree.text(new) == EctrainTree.text(old),
      do: found,
      else: [{path, name, new, old} | found]
  end

  # -- which parts of a node are what ---------------------------------------------------------

  defp children({:@, _, [{name, _, _}]}, _path, _place, found) when name in @silent_attributes,
    do: found

  defp children({:@, _, [{_, _, [_]} = attribute]}, path, _place, found),
    do: arguments(attribute, [{:arg, 0} | path], :attribute, found)

  defp children({:@, _, [{_, _, context}]}, _path, _place, found) when is_atom(context), do: found

  defp children({name, _, arguments}, _path, _place, found)
       when name in @skipped and is_list(arguments),
       do: found

  defp children({:defmodule, _, [_, _]} = node, path, _place, found),
    do: step(node, {:arg, 1}, path, :module, found)

  defp children({:defimpl, _, arguments} = node, path, _place, found),
    do: step(node, {:arg, length(arguments) - 1}, path, :module, found)

  defp children({name, _, [_head | rest]} = node, path, _place, found)
       when name in @definitions do
    found = head(elem(node, 2) |> hd(), [{:arg, 0} | path], found)
    if rest == [], do: found, else: step(node, {:arg, 1}, path, :body, found)
  end

  defp children({:->, _, [left, _]} = node, path, place, found) do
    inside = if place == :cond, do: :body, else: :pattern
    found = clause_head(left, [{:arg, 0} | path], inside, found)
    step(node, {:arg, 1}, path, :body, found)
  end

  defp children({:cond, _, [_]} = node, path, _place, found),
    do: step(node, {:arg, 0}, path, :cond, found)

  defp children({name, _, [_, _]} = node, path, :body, found) when name in [:=, :<-] do
    found = step(node, {:arg, 0}, path, :pattern, found)
    step(node, {:arg, 1}, path, :body, found)
  end

  defp children({:when, _, [_ | _]} = node, path, _place, found), do: guarded(node, path, found)
  defp children({:&, _, [{:/, _, _}]}, _path, _place, found), do: found
  defp children({:&, _, [{:__block__, _, [n]}]}, _p, _place, found) when is_integer(n), do: found
  defp children({:&, _, [n]}, _path, _place, found) when is_integer(n), do: found

  defp children({:"::", _, [_, _]} = node, path, p, found),
    do: step(node, {:arg, 0}, path, p, found)

  defp children({:^, _, _}, _path, _place, found), do: found

  defp children({:., _, [_]} = node, path, place, found),
    do: step(node, {:arg, 0}, path, place, found)

  defp children({:., _, [left, _]}, path, place, found),
    do: walk(left, [{:arg, 0} | path], place, found)

  defp children({:__block__, _, [value]}, path, place, found) when is_list(value),
    do: items(value, [{:arg, 0} | path], place, found)

  defp children({:__block__, _, [{left, right}]}, path, place, found) do
    found = walk(left, [0, {:arg, 0} | path], place, found)
    walk(right, [1, {:arg, 0} | path], place, found)
  end

  defp children({:__block__, _, [value]}, _path, _place, found) when not is_tuple(value),
    do: found

  defp children({name, _, arguments} = node, path, place, found)
       when is_atom(name) and is_list(arguments) do
    case Atom.to_string(name) do
      "sigil_" <> _ -> found
      _ -> arguments(node, path, inner(name, place), found)
    end
  end

  defp children({form, _, arguments} = node, path, place, found) when is_list(arguments) do
    found = walk(form, [:form | path], place, found)
    arguments(node, path, place, found)
  end

  # The key of a keyword is a name, not a value.
  defp children({{:__block__, meta, [key]}, value}, path, place, found) when is_atom(key) do
    if meta[:format] == :keyword or key in [:do, :else, :rescue, :catch, :after],
      do: walk(value, [1 | path], place, found),
      else: pair({{:__block__, meta, [key]}, value}, path, place, found)
  end

  defp children({_, _} = node, path, place, found), do: pair(node, path, place, found)
  defp children(list, path, p, found) when is_list(list), do: items(list, path, p, found)
  defp children(_, _path, _place, found), do: found

  defp inner(:__block__, place), do: place
  defp inner(_, :cond), do: :body
  defp inner(_, place), do: place

  defp pair({left, right}, path, place, found) do
    found = walk(left, [0 | path], place, found)
    walk(right, [1 | path], place, found)
  end

  defp arguments({_, _, arguments}, path, place, found) do
    arguments
    |> Enum.with_index()
    |> Enum.reduce(found, fn {one, i}, found -> walk(one, [{:arg, i} | path], place, found) end)
  end

  defp items(list, path, place, found) do
    list
    |> Enum.with_index()
    |> Enum.reduce(found, fn {one, i}, found -> walk(one, [{:item, i} | path], place, found) end)
  end

  defp step({_, _, arguments}, {:arg, i} = step, path, place, found),
    do: walk(Enum.at(arguments, i), [step | path], place, found)

  # A head's own name and parentheses are no call.
  defp head({:when, _, [_ | _]} = node, path, found), do: guarded(node, path, found)

  defp head({_, _, arguments}, path, found) when is_list(arguments) do
    arguments
    |> Enum.with_index()
    |> Enum.reduce(found, fn
      {{:\\, _, [_, _]} = default, i}, found ->
        found = all_asked(default, [{:arg, i} | path], :default, found)
        found = step(default, {:arg, 0}, [{:arg, i} | path], :pattern, found)
        step(default, {:arg, 1}, [{:arg, i} | path], :attribute, found)

      {one, i}, found ->
        walk(one, [{:arg, i} | path], :pattern, found)
    end)
  end

  defp head(_, _path, found), do: found

  defp guarded({:when, _, arguments}, path, found) do
    last = length(arguments) - 1

    arguments
    |> Enum.with_index()
    |> Enum.reduce(found, fn
      {guard, ^last}, found -> walk(guard, [{:arg, last} | path], :guard, found)
      {{_, _, _} = one, i}, found -> head_or_pattern(one, [{:arg, i} | path], found)
      {one, i}, found -> walk(one, [{:arg, i} | path], :pattern, found)
    end)
  end

  defp head_or_pattern({name, meta, arguments} = node, path, found)
       when is_atom(name) and is_list(arguments) and name not in [:{}, :%{}, :%, :<<>>, :|] do
    if meta[:closing], do: head(node, path, found), else: walk(node, path, :pattern, found)
  end

  defp head_or_pattern(node, path, found), do: walk(node, path, :pattern, found)

  defp clause_head(list, path, place, found) do
    list
    |> Enum.with_index()
    |> Enum.reduce(found, fn {one, i}, found -> walk(one, [{:item, i} | path], place, found) end)
  end
end
