defmodule StreamData do
  @moduledoc false
  # Generators of random data, so that property tests run where the library of this name can't be
  # installed: the names and meanings that StreamData documents, as far as suites usually use them.
  # A value's size grows with the runs. Values are not shrunk step by step: of a failing property,
  # `ExUnitProperties` looks for a failure among smaller sizes.

  defstruct [:draw]

  @failures 25

  defmodule FilterTooNarrowError do
    defexception message: "too many values were refused by a filter in a row; widen the generator"
  end

  defmodule TooManyDuplicatesError do
    defexception message: "too many values in a row were there already; widen the generator"
  end

  defguardp is_gen(data) when is_struct(data, StreamData)

  # A generator, an atom or a tuple of generators: what StreamData takes for a generator, too.
  def draw(%StreamData{draw: draw}, size), do: draw.(size)
  def draw(atom, _size) when is_atom(atom), do: atom

  def draw(tuple, size) when is_tuple(tuple),
    do: tuple |> Tuple.to_list() |> Enum.map(&draw(&1, size)) |> List.to_tuple()

  def draw(other, _size),
    do: raise(ArgumentError, "expected a generator, found: #{inspect(other)}")

  defp new(draw), do: %StreamData{draw: draw}
  defp up_to(size), do: :rand.uniform(max(size, 0) + 1) - 1
  defp between(low, high), do: low - 1 + :rand.uniform(high - low + 1)

  def constant(term), do: new(fn _ -> term end)
  def boolean, do: new(fn _ -> :rand.uniform(2) == 1 end)
  def integer, do: new(fn size -> between(-size, size) end)

  def integer(%Range{first: first, last: last}) when first <= last,
    do: new(fn _ -> between(first, last) end)

  def positive_integer, do: new(fn size -> between(1, max(size, 1)) end)
  def non_negative_integer, do: new(&up_to/1)
  def byte, do: integer(0..255)

  def float(options \\ []) do
    new(fn size ->
      low = Keyword.get(options, :min, -size)
      high = Keyword.get(options, :max, max(low, 0) + size)
      low + :rand.uniform() * (high - low)
    end)
  end

  def member_of(enumerable) do
    values = Enum.to_list(enumerable)
    if values == [], do: raise(ArgumentError, "member_of/1 needs a value to choose")
    new(fn _ -> Enum.random(values) end)
  end

  def one_of([_ | _] = datas), do: new(fn size -> draw(Enum.random(datas), size) end)

  def frequency(weighted) do
    every = Enum.flat_map(weighted, fn {weight, data} -> List.duplicate(data, weight) end)
    one_of(every)
  end

  def map(data, fun), do: new(fn size -> fun.(draw(data, size)) end)
  def bind(data, fun), do: new(fn size -> draw(fun.(draw(data, size)), size) end)
  def filter(data, fun, most \\ @failures), do: new(&kept(data, fun, &1, most))

  defp kept(_data, _fun, _size, 0), do: raise(FilterTooNarrowError)

  defp kept(data, fun, size, left) do
    value = draw(data, size)
    if fun.(value), do: value, else: kept(data, fun, size + 1, left - 1)
  end

  def resize(data, size), do: new(fn _ -> draw(data, size) end)
  def scale(data, fun), do: new(fn size -> draw(data, fun.(size)) end)
  def sized(fun), do: new(fn size -> draw(fun.(size), size) end)
  def unshrinkable(data), do: data

  def list_of(data, options \\ []),
    do: new(fn size -> for _ <- counted(count(options, size)), do: draw(data, size) end)

  def maybe_improper_list_of(data, ending),
    do: new(fn size -> for(_ <- counted(up_to(size)), do: draw(data, size)) ++ draw(ending, size) end)

  def nonempty(data), do: filter(data, &(&1 != []))
  def uniq_list_of(data, options \\ []), do: new(&unique(data, options, &1))

  defp unique(data, options, size) do
    by = Keyword.get(options, :uniq_fun, & &1)
    most = Keyword.get(options, :max_tries, 10)
    found = more(data, by, size, count(options, size), most, most, [])
    if length(found) < least(options), do: raise(TooManyDuplicatesError)
    found
  end

  defp more(_data, _by, _size, 0, _left, _most, found), do: found
  defp more(_data, _by, _size, _count, 0, _most, found), do: found

  defp more(data, by, size, count, left, most, found) do
    value = draw(data, size)

    if Enum.any?(found, &(by.(&1) == by.(value))),
      do: more(data, by, size, count, left - 1, most, found),
      else: more(data, by, size, count - 1, most, most, [value | found])
  end

  defp count(options, size) do
    case Keyword.get(options, :length) do
      nil -> between(least(options), Enum.max([least(options), longest(options, size)]))
      %Range{first: first, last: last} -> between(first, last)
      length -> length
    end
  end

  defp least(options), do: Keyword.get(options, :min_length, 0)
  defp longest(options, size), do: Keyword.get(options, :max_length, size)
  defp counted(count), do: Enum.take(1..max(count, 1), count)

  def tuple(datas) when is_tuple(datas), do: new(&draw(datas, &1))

  def fixed_list(datas), do: new(fn size -> Enum.map(datas, &draw(&1, size)) end)

  def fixed_map(datas),
    do: new(fn size -> Map.new(datas, fn {key, data} -> {key, draw(data, size)} end) end)

  def optional_map(datas, optional \\ nil) do
    new(fn size ->
      for {key, data} <- datas, there?(key, optional), into: %{}, do: {key, draw(data, size)}
    end)
  end

  defp there?(_key, nil), do: :rand.uniform(2) == 1
  defp there?(key, optional), do: key not in optional or :rand.uniform(2) == 1

  def map_of(keys, values, options \\ []) do
    pairs = uniq_list_of({keys, values}, [uniq_fun: &elem(&1, 0)] ++ options)
    map(pairs, &Map.new/1)
  end

  def mapset_of(data, options \\ []), do: map(uniq_list_of(data, options), &MapSet.new/1)
  def keyword_of(data), do: list_of({atom(:alphanumeric), data})

  def atom(:alphanumeric) do
    map({member_of(Enum.to_list(?a..?z)), string(:alphanumeric, max_length: 4)}, fn {first, rest} ->
      String.to_atom(<<first, rest::binary>>)
    end)
  end

  def atom(:alias), do: member_of([Alpha, Beta, Gamma, Alpha.Beta, Beta.Gamma])

  def binary(options \\ []), do: map(list_of(byte(), options), &:erlang.list_to_binary/1)

  def bitstring(options \\ []) do
    map(list_of(integer(0..1), options), fn bits -> for b <- bits, into: <<>>, do: <<b::1>> end)
  end

  def string(kind_or_codepoints, options \\ []),
    do: map(list_of(codepoint(kind_or_codepoints), options), &List.to_string/1)

  def codepoint(:ascii), do: integer(?\s..?~)
  def codepoint(:alphanumeric), do: member_of(Enum.concat([?a..?z, ?A..?Z, ?0..?9]))
  def codepoint(:printable), do: one_of([integer(?\s..?~), integer(0xA0..0xD7FF)])
  def codepoint(:utf8), do: one_of([integer(0..0xD7FF), integer(0xE000..0x10FFFF)])
  def codepoint(%Range{} = range), do: integer(range)
  def codepoint(codepoints), do: member_of(Enum.flat_map(codepoints, &List.wrap(listed(&1))))

  defp listed(%Range{} = range), do: Enum.to_list(range)
  defp listed(codepoint), do: codepoint

  def chardata, do: list_of(one_of([string(:ascii), integer(?\s..?~)]))
  def iodata, do: list_of(one_of([binary(), byte()]))

  def term, do: one_of([integer(), boolean(), atom(:alphanumeric), string(:ascii), list_of(integer())])

  def tree(leaf, fun) when is_gen(leaf) do
    new(fn size ->
      if size < 2 or :rand.uniform(3) == 1,
        do: draw(leaf, size),
        else: draw(fun.(tree(leaf, fun)), div(size, 2))
    end)
  end
end
