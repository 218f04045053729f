defmodule EctrainPlain do
  @moduledoc false
  # Which suites may be evaluated instead of compiled, and how.
  #
  # Plain: one module with `use ExUnit.Case`, then alias, import and require, then describe, test
  # and setup blocks. Attributes, tags, functions, nested modules, doctests, setup_all and setup by
  # name are not plain; neither is what asks for its module, which an evaluated test lacks.

  @directives [:alias, :import, :require]
  @refused [:defmodule, :defprotocol, :defimpl, :@, :__MODULE__, :__ENV__, :__CALLER__, :use] ++
             [:quote, :doctest, :super, :__DIR__]

  # {:ok, quoted list of {name, tags, fun}} or :not_plain
  def tests({:defmodule, _, [{:__aliases__, _, parts}, [do: body]]}) do
    module = Module.concat(parts)

    with [{:use, _, [{:__aliases__, _, [:ExUnit, :Case]} | options]} | rest] <- block(body),
         true <- options in [[], [[async: true]], [[async: false]]],
         {directives, rest} = Enum.split_while(rest, &directive?/1),
         {:ok, tests} <- collect(rest, [], nil, []),
         true <- plain?(rest) and distinct?(tests) do
      {:ok, quoted(module, directives, Enum.reverse(tests))}
    else
      _ -> :not_plain
    end
  end

  def tests(_), do: :not_plain

  defp block({:__block__, _, list}), do: list
  defp block(one), do: [one]

  defp directive?({name, _, _}), do: name in @directives
  defp directive?(_), do: false

  defp plain?(quoted) do
    {_, plain} =
      Macro.prewalk(quoted, true, fn
        {name, _, _} = node, plain when is_atom(name) -> {node, plain and name not in @refused}
        node, plain -> {node, plain}
      end)

    plain
  end

  # ExUnit refuses two tests of one name when it compiles.
  defp distinct?(tests), do: tests == Enum.uniq_by(tests, &elem(&1, 0))

  # A setup also holds for tests before it: plain suites have none.
  defp collect([], _setups, _describe, tests), do: {:ok, tests}

  defp collect([{:setup, _, [[do: body]]} | rest], setups, describe, []),
    do: collect(rest, setups ++ [{{:_, [], nil}, body}], describe, [])

  defp collect([{:setup, _, [pattern, [do: body]]} | rest], setups, describe, []),
    do: collect(rest, setups ++ [{pattern, body}], describe, [])

  defp collect([{:test, meta, [name, [do: body]]} | rest], setups, describe, tests)
       when is_binary(name),
       do: test(name, {:_, [], nil}, body, meta, rest, setups, describe, tests)

  defp collect([{:test, meta, [name, pattern, [do: body]]} | rest], setups, describe, tests)
       when is_binary(name),
       do: test(name, pattern, body, meta, rest, setups, describe, tests)

  defp collect([{:describe, _, [name, [do: body]]} | rest], setups, nil, tests)
       when is_binary(name) do
    with {:ok, inner} <- collect(block(body), setups, name, []) do
      collect(rest, setups, nil, inner ++ tests)
    end
  end

  defp collect(_, _, _, _), do: :not_plain

  defp test(name, pattern, body, meta, rest, setups, describe, tests) do
    full = if describe, do: "#{describe} #{name}", else: name
    test = {full, describe, meta[:line] || 0, setups ++ [{pattern, body}]}
    collect(rest, setups, describe, [test | tests])
  end

  defp quoted(module, directives, tests) do
    list = for test <- tests, do: one(module, test)

    quote do
      import ExUnit.Callbacks, warn: false
      import ExUnit.Assertions, warn: false
      unquote_splicing(directives)
      unquote(list)
    end
  end

  defp one(module, {name, describe, line, steps}) do
    tags = %{
      async: false,
      case: module,
      describe: describe,
      file: "program_test.exs",
      line: line,
      module: module,
      registered: Macro.escape(%{}),
      test: :"test #{name}",
      test_type: :test
    }

    {setups, [{pattern, body}]} = Enum.split(steps, -1)
    context = Macro.var(:context, __MODULE__)

    merges =
      for {pattern, body} <- setups do
        quote do
          unquote(context) =
            ExUnit.Callbacks.__merge__(
              unquote(module),
              unquote(context),
              (fn unquote(pattern) -> unquote(body) end).(unquote(context))
            )
        end
      end

    fun =
      quote do
        fn unquote(context) ->
          unquote_splicing(merges)
          (fn unquote(pattern) -> unquote(body) end).(unquote(context))
        end
      end

    {:{}, [], [name, {:%{}, [], Enum.to_list(tags)}, fun]}
  end
end
