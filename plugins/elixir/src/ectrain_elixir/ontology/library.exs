# Writes library.tsv: what modules of Elixir's standard library offer, and what it gives back.
# Run as: elixir library.exs > library.tsv

modules = [
  Access, Agent, Bitwise, Date, Enum, GenServer, Integer, Keyword, List, Map, MapSet, NaiveDateTime,
  Process, Range, Regex, Stream, String, Supervisor, Tuple
]

defmodule Returned do
  @longest 60

  def text({:when, _, [spec, limits]}), do: text(spec, Map.new(limits))
  def text(spec), do: text(spec, %{})

  defp text({:"::", _, [_, type]}, limits) do
    type
    |> Macro.prewalk(fn
      {name, _, context} = node when is_atom(name) and is_atom(context) ->
        case Map.get(limits, name) do
          nil -> node
          {:var, _, _} -> {:term, [], []}
          limit -> limit
        end

      node ->
        node
    end)
    |> Macro.to_string()
    |> String.replace(~r/\s+/, " ")
    |> shortened()
  end

  # of a long union, its first alternative
  defp shortened(type) when byte_size(type) <= @longest, do: type
  defp shortened(type), do: type |> String.split(~r/ \| (?![^{[(]*[}\])])/) |> hd()
end

rows = fn module, property, entries ->
  for {{name, arity}, specs} <- entries,
      specs = Enum.map(specs, &Code.Typespec.spec_to_quoted(name, &1)) do
    [inspect(module), property, "#{name}/#{arity}", Returned.text(hd(specs))]
  end
end

for module <- modules do
  {:ok, specs} = Code.Typespec.fetch_specs(module)
  {:ok, callbacks} = Code.Typespec.fetch_callbacks(module)
  public = MapSet.new(module.__info__(:functions))
  offered = for {key, spec} <- specs, key in public, do: {key, spec}
  documented = for {{name, _}, _} = entry <- offered, not String.starts_with?("#{name}", "_"), do: entry

  macros =
    for {name, arity} <- module.__info__(:macros), not String.starts_with?("#{name}", "_") do
      [inspect(module), "containsMacro", "#{name}/#{arity}", "Macro.t()"]
    end

  rows.(module, "containsFunction", documented) ++
    macros ++ rows.(module, "definesCallback", callbacks)
end
|> Enum.concat()
|> Enum.sort()
|> Enum.each(&IO.puts(Enum.join(&1, "\t")))
