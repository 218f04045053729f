defmodule EctrainMutateConditions do
  @moduledoc false
  # Other conditions and guards.

  import EctrainTree, only: [wrap: 1]

  def at({name, _, [condition | _]}, :body) when name in [:if, :unless] do
    [
      {:negate_condition, {:inside, [{:arg, 0}], {:!, [], [condition]}, condition}},
      {:condition_true, {:inside, [{:arg, 0}], wrap(true), condition}},
      {:condition_false, {:inside, [{:arg, 0}], wrap(false), condition}}
    ]
  end

  def at({:->, _, [[{:__block__, _, [true]}], _]}, :cond), do: []

  def at({:->, _, [[condition], _]}, :cond),
    do: [{:negate_arm, {:inside, [{:arg, 0}, {:item, 0}], {:!, [], [condition]}, condition}}]

  def at({:when, _, arguments}, _) do
    guard = List.last(arguments)
    last = length(arguments) - 1
    negated = {:negate_guard, {:inside, [{:arg, last}], {:not, [], [guard]}, guard}}
    [{:drop_guard, {:inside, [{:arg, last}], wrap(true), guard}}, negated]
  end

  def at({name, _, [{:when, _, [_ | _]} = guarded | _]}, _)
      when name in [:def, :defp] do
    for {operator, {:inside, steps, new, old}} <- at(guarded, :guard),
        do: {operator, {:inside, [{:arg, 0} | steps], new, old}}
  end

  def at(_, _), do: []
end
