defmodule EctrainTree do
  @moduledoc false
  # Elixir's syntax tree with literals that know their place, and paths into it.
  #
  # A path is a list of steps from the root: {:arg, i} of a call, :form of a call whose name is an
  # expression, {:item, i} of a list, 0 or 1 of a pair.

  # Literals come wrapped as {:__block__, meta, [literal]}, so that they have lines and columns.
  def parse(source, file) do
    options = [
      file: file,
      columns: true,
      token_metadata: true,
      unescape: true,
      literal_encoder: fn literal, meta -> {:ok, {:__block__, meta, [literal]}} end
    ]

    {:ok, Code.string_to_quoted!(source, options)}
  rescue
    error -> {:failed, "parse", EctrainIsolate.cap(Exception.message(error))}
  end

  # Returns the tree that the compiler expects.
  def plain({:__block__, meta, [value]}) when not is_tuple(value) or tuple_size(value) == 2 do
    if is_list(meta) and (Keyword.has_key?(meta, :line) or Keyword.has_key?(meta, :wrapped)),
      do: plain(value),
      else: {:__block__, meta, [plain(value)]}
  end

  def plain({form, meta, arguments}) when is_list(arguments),
    do: {plain(form), meta, Enum.map(arguments, &plain/1)}

  def plain({left, right}), do: {plain(left), plain(right)}
  def plain(list) when is_list(list), do: Enum.map(list, &plain/1)
  def plain(other), do: other

  # The formatter wants to know how a number was written.
  def wrap(number) when is_number(number),
    do: {:__block__, [wrapped: true, token: "#{number}"], [number]}

  def wrap(literal), do: {:__block__, [wrapped: true], [literal]}

  # Replaces what lies at a path; :drop takes it out of its list or its arguments.
  def put(_tree, [], new), do: new

  def put({:__block__, meta, items}, [{:arg, i}], :drop),
    do: {:__block__, meta, List.delete_at(items, i)}

  def put(list, [{:item, i}], :drop), do: List.delete_at(list, i)

  def put({form, meta, arguments}, [:form | rest], new),
    do: {put(form, rest, new), meta, arguments}

  def put({form, meta, arguments}, [{:arg, i} | rest], new),
    do: {form, meta, List.update_at(arguments, i, &put(&1, rest, new))}

  def put(list, [{:item, i} | rest], new), do: List.update_at(list, i, &put(&1, rest, new))
  def put({left, right}, [0 | rest], new), do: {put(left, rest, new), right}
  def put({left, right}, [1 | rest], new), do: {left, put(right, rest, new)}

  # The line and the column where a node begins, as far as its tree tells.
  def place(node) do
    {_, found} =
      Macro.prewalk(node, nil, fn
        {_, meta, _} = one, found when is_list(meta) -> {one, earlier(meta, found)}
        one, found -> {one, found}
      end)

    found || {0, 0}
  end

  # The place of a node, or of the nearest one around it that has any.
  def place_at(tree, path, node) do
    case place(node) do
      {0, 0} when path != [] ->
        place_at(tree, Enum.drop(path, -1), get(tree, Enum.drop(path, -1)))

      found ->
        found
    end
  end

  defp get(node, []), do: node
  defp get({form, _, _}, [:form | rest]), do: get(form, rest)
  defp get({_, _, arguments}, [{:arg, i} | rest]), do: get(Enum.at(arguments, i), rest)
  defp get(list, [{:item, i} | rest]), do: get(Enum.at(list, i), rest)
  defp get(pair, [side | rest]), do: get(elem(pair, side), rest)

  defp earlier(meta, found) do
    case {meta[:line], found} do
      {nil, _} -> found
      {line, nil} -> {line, meta[:column] || 0}
      {line, _} -> min(found, {line, meta[:column] || 0})
    end
  end

  def text(:drop), do: ""
  def text(node), do: Macro.to_string(node)
end
