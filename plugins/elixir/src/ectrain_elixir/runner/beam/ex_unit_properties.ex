defmodule ExUnitProperties do
  @moduledoc false
  # `property` and `check all` as the library StreamData documents them, over our `StreamData`: 100
  # runs of growing size unless told, and of a failure the values that were generated. Random numbers
  # are the same ones each time, so a suite judges the same program the same way twice.

  @runs 100
  @refused 25
  @smaller 60

  defmodule Error do
    defexception [:message]
  end

  defmacro __using__(_options) do
    quote do
      import ExUnitProperties
      import StreamData
    end
  end

  defmacro property(message, context \\ quote(do: _), contents) do
    block = contents |> Keyword.fetch!(:do) |> Macro.escape(unquote: true)

    quote bind_quoted: [
            message: message,
            context: Macro.escape(context, unquote: true),
            block: block
          ] do
      %{file: file, line: line} = __ENV__
      name = ExUnit.Case.register_test(__MODULE__, file, line, :property, message, [:property])

      def unquote(name)(unquote(context)) do
        unquote(block)
        :ok
      end
    end
  end

  defmacro property(message) do
    quote bind_quoted: [message: message] do
      %{file: file, line: line} = __ENV__
      tags = [:property, :not_implemented]
      name = ExUnit.Case.register_test(__MODULE__, file, line, :property, message, tags)
      def unquote(name)(_), do: flunk("Not implemented")
    end
  end

  defmacro check({:all, _, clauses}), do: checked(parts(clauses))
  defmacro check({:all, _, clauses}, do: body), do: checked(parts(clauses ++ [[do: body]]))
  defmacro gen({:all, _, clauses}), do: generated(parts(clauses))
  defmacro gen({:all, _, clauses}, do: body), do: generated(parts(clauses ++ [[do: body]]))

  defp checked({clauses, options, body}) do
    draw = drawing(clauses, quote(do: fn -> unquote(body) end))
    quote do: ExUnitProperties.run(unquote(draw), unquote(options))
  end

  defp generated({clauses, _, body}),
    do: quote(do: ExUnitProperties.generator(unquote(drawing(clauses, body))))

  def pick(data), do: StreamData.draw(data, 1)

  def generator(draw) do
    StreamData.sized(fn size -> StreamData.constant(draw |> drawn(size) |> elem(2)) end)
  end

  # {clauses, options, body}: the body stands behind `do:`, options before it.
  defp parts(clauses) do
    {clauses, lists} = Enum.split_while(clauses, &(not Keyword.keyword?(&1)))
    {body, options} = lists |> Enum.concat() |> Keyword.pop!(:do)
    {clauses, options, body}
  end

  # A function of a size that draws clause by clause: {:ok, what was drawn, `inner`} or :refused.
  defp drawing(clauses, inner) do
    size = Macro.unique_var(:size, __MODULE__)
    quote do: fn unquote(size) -> unquote(nested(clauses, size, [], inner)) end
  end

  defp nested([], size, shown, inner) do
    quote do
      _ = unquote(size)
      {:ok, unquote(Enum.reverse(shown)), unquote(inner)}
    end
  end

  defp nested([{:<-, _, [pattern, data]} = clause | rest], size, shown, inner) do
    value = Macro.unique_var(:value, __MODULE__)
    {pattern, guard} = guarded(pattern)
    text = Macro.to_string(clause)
    more = nested(rest, size, [quote(do: {unquote(text), unquote(value)}) | shown], inner)

    quote generated: true do
      unquote(value) = StreamData.draw(unquote(data), unquote(size))

      case unquote(value) do
        unquote(pattern) when unquote(guard) -> unquote(more)
        _ -> :refused
      end
    end
  end

  defp nested([{:=, _, _} = clause | rest], size, shown, inner) do
    quote do
      unquote(clause)
      unquote(nested(rest, size, shown, inner))
    end
  end

  defp nested([condition | rest], size, shown, inner) do
    quote do
      if unquote(condition), do: unquote(nested(rest, size, shown, inner)), else: :refused
    end
  end

  defp guarded({:when, _, [pattern, guard]}), do: {pattern, guard}
  defp guarded(pattern), do: {pattern, true}

  def drawn(draw, size, left \\ @refused)
  def drawn(_draw, _size, 0), do: raise(StreamData.FilterTooNarrowError)

  def drawn(draw, size, left) do
    case draw.(size) do
      :refused -> drawn(draw, size + 1, left - 1)
      found -> found
    end
  end

  def run(draw, options) do
    :rand.seed(:exsss, options[:initial_seed] || 0)
    first = Keyword.get(options, :initial_size, 1)
    runs = Keyword.get(options, :max_runs, @runs)
    each(draw, first, 0, runs)
  end

  defp each(_draw, _size, runs, runs), do: :ok

  defp each(draw, size, done, runs) do
    case tried(draw, size) do
      :ok -> each(draw, size + 1, done + 1, runs)
      failed -> raised(smallest(draw, size, failed), done)
    end
  end

  defp tried(draw, size) do
    {:ok, shown, body} = drawn(draw, size)

    try do
      body.()
      :ok
    catch
      kind, reason -> {shown, kind, reason, __STACKTRACE__}
    end
  end

  # The first failure among smaller sizes, or the one at hand.
  defp smallest(draw, size, failed) do
    Enum.find_value(1..@smaller, failed, fn n ->
      case tried(draw, div(n * max(size - 1, 1), @smaller)) do
        :ok -> nil
        found -> found
      end
    end)
  end

  defp raised({shown, kind, reason, stack}, done) do
    values =
      for {clause, value} <- shown do
        "\n    * Clause:    #{clause}\n      Generated: #{inspect(value)}\n"
      end

    text = "failed with generated values (after #{done} successful runs):\n#{values}\n"

    case {kind, reason} do
      {:error, %ExUnit.AssertionError{} = error} ->
        :erlang.raise(:error, %{error | message: text <> error.message}, stack)

      _ ->
        said = Exception.format_banner(kind, reason, stack)
        :erlang.raise(:error, %Error{message: text <> "got exception:\n\n    " <> said}, stack)
    end
  end
end
