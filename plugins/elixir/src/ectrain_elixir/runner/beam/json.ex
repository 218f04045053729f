defmodule EctrainJson do
  @moduledoc false
  # JSON made of nothing but BIFs and local functions: the collector calls it after hostile code
  # ran, and Erlang has an encoder of its own only since OTP 27. An object is {[{key, value}]}.

  def encode(term), do: :erlang.iolist_to_binary(value(term))

  defp value(text) when is_binary(text), do: string(text)
  defp value(nil), do: "null"
  defp value(true), do: "true"
  defp value(false), do: "false"
  defp value(number) when is_integer(number), do: :erlang.integer_to_binary(number)
  defp value(list) when is_list(list), do: [?[, joined(list, &value/1), ?]]
  defp value({pairs}), do: [?{, joined(pairs, &pair/1), ?}]
  defp value(atom) when is_atom(atom), do: string(:erlang.atom_to_binary(atom))

  defp pair({key, item}), do: [value(key), ?:, value(item)]

  defp joined([], _one), do: []
  defp joined([last], one), do: one.(last)
  defp joined([item | rest], one), do: [one.(item), ?, | joined(rest, one)]

  defp string(text), do: [?", escaped(text, <<>>), ?"]

  defp escaped(<<?", rest::binary>>, done), do: escaped(rest, <<done::binary, ?\\, ?">>)
  defp escaped(<<?\\, rest::binary>>, done), do: escaped(rest, <<done::binary, ?\\, ?\\>>)

  defp escaped(<<c, rest::binary>>, done) when c < 32,
    do: escaped(rest, <<done::binary, "\\u00", hex(:erlang.bsr(c, 4)), hex(:erlang.band(c, 15))>>)

  defp escaped(<<c::utf8, rest::binary>>, done), do: escaped(rest, <<done::binary, c::utf8>>)
  defp escaped(<<_, rest::binary>>, done), do: escaped(rest, <<done::binary, 0xFFFD::utf8>>)
  defp escaped(<<>>, done), do: done

  defp hex(n) when n < 10, do: ?0 + n
  defp hex(n), do: ?a + n - 10
end
