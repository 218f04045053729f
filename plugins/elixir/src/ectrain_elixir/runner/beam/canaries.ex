defmodule EctrainCanaries do
  @moduledoc false
  # Programs that behave like the original and are other code, among mutants nothing tells which: no
  # honest test fails on one, but one does that compares checksums or reads code.
  #
  # Most are made like mutants, at places drawn by a seed that no program knows. One has a function
  # more, for tests that compare lists of functions.

  @wrapped 3
  @special [:__MODULE__, :__ENV__, :__DIR__, :__CALLER__, :__STACKTRACE__]

  # Trees for the compiler.
  def all(tree, seed) do
    state = :rand.seed_s(:exsss, :erlang.binary_to_integer(seed))
    sites = EctrainMutants.all(tree, [__MODULE__])
    {drawn, state} = drawn(sites, @wrapped, state, [])
    for(site <- drawn, do: EctrainMutation.put(tree, site)) ++ extra(tree, state)
  end

  # A value is put into a tuple or a list and taken out again, which the compiler leaves in: a variable
  # or a literal, for other expressions can be the last thing that a function does.
  def at({name, _, context} = node, :body)
      when is_atom(name) and is_atom(context) and name not in @special,
      do: wrapped(node)

  def at({:__block__, meta, [value]} = node, :body) when is_number(value) or is_binary(value) do
    if meta[:format] == :keyword or meta[:wrapped], do: [], else: wrapped(node)
  end

  def at(_, _), do: []

  defp wrapped(node) do
    first = {:hd, [], [EctrainTree.wrap([node])]}
    [{:tuple, {:elem, [], [{:{}, [], [node]}, EctrainTree.wrap(0)]}}, {:list, first}]
  end

  defp drawn([], _number, state, done), do: {done, state}
  defp drawn(_sites, 0, state, done), do: {done, state}

  defp drawn(sites, number, state, done) do
    {place, state} = :rand.uniform_s(length(sites), state)
    {site, rest} = List.pop_at(sites, place - 1)
    drawn(rest, number - 1, state, [site | done])
  end

  defp extra(tree, state) do
    {number, _} = :rand.uniform_s(1_000_000, state)
    added = quote(do: def(unquote(:"f#{number}")(), do: unquote(number)))

    {changed, found} =
      Macro.prewalk(tree, false, fn
        {:defmodule, meta, [name, [{key, body}]]}, false ->
          {{:defmodule, meta, [name, [{key, with_last(body, added)}]]}, true}

        node, found ->
          {node, found}
      end)

    if found, do: [changed], else: []
  end

  defp with_last({:__block__, meta, [_, _ | _] = list}, added),
    do: {:__block__, meta, list ++ [added]}

  defp with_last({:__block__, meta, []}, added), do: {:__block__, meta, [added]}
  defp with_last(one, added), do: {:__block__, [], [one, added]}
end
