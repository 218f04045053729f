defmodule EctrainMutateCalls do
  @moduledoc false
  # Other functions, and arguments in another order.

  @pairs [
    Enum:
      [filter: :reject, min: :max, all?: :any?, take: :drop, max_by: :min_by] ++
        [take_while: :drop_while, sum: :count, map: :flat_map, uniq: :dedup],
    List: [first: :last],
    String:
      [upcase: :downcase, starts_with?: :ends_with?, trim_leading: :trim_trailing] ++
        [first: :last, pad_leading: :pad_trailing],
    Map: [put: :put_new, keys: :values, take: :drop],
    Keyword: [put: :put_new, take: :drop],
    Integer: [floor_div: :mod, is_odd: :is_even]
  ]
  @local [min: :max, hd: :tl, ceil: :floor]
  @both fn pairs -> pairs ++ for {a, b} <- pairs, do: {b, a} end
  @remote for {module, pairs} <- @pairs, {a, b} <- @both.(pairs), into: %{}, do: {{module, a}, b}
  @locals Map.new(@both.(@local))
  @commutative [:+, :*, :==, :!=, :===, :!==, :and, :or, :&&, :||, :=, :<-, :->, :|>, :|] ++
                 [
                   :when,
                   :"::",
                   :%{},
                   :{},
                   :<<>>,
                   :fn,
                   :__block__,
                   :min,
                   :max,
                   :\\,
                   :..,
                   :def,
                   :defp
                 ]

  def at({{:., dot, [{:__aliases__, _, [module]} = name, function]}, meta, arguments}, :body) do
    swapped = arguments_swapped({{:., dot, [name, function]}, meta, arguments})

    case @remote[{module, function}] do
      nil -> swapped
      other -> [{:swap_call, {{:., dot, [name, other]}, meta, arguments}} | swapped]
    end
  end

  def at({name, meta, arguments} = node, place)
      when is_atom(name) and is_list(arguments) and place in [:body, :guard] do
    case @locals[name] do
      nil -> if name in @commutative or place == :guard, do: [], else: arguments_swapped(node)
      other -> [{:swap_call, {other, meta, arguments}}]
    end
  end

  def at(_, _), do: []

  defp arguments_swapped({form, meta, [left, right]}) do
    if shape(left) != nil and shape(left) == shape(right),
      do: [{:swap_arguments, {form, meta, [right, left]}}],
      else: []
  end

  defp arguments_swapped(_), do: []

  defp shape({:__block__, _, [value]}) when is_number(value), do: :number
  defp shape({:__block__, _, [value]}) when is_binary(value), do: :string
  defp shape({name, _, context}) when is_atom(name) and is_atom(context), do: :variable
  defp shape(_), do: nil
end
