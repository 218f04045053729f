defmodule EctrainCapture do
  @moduledoc false
  # A group leader that keeps the first and the last of what is printed. It is also registered as
  # :standard_error while a program runs, because warnings go there.

  def start(bytes) do
    half = :erlang.max(:erlang.div(bytes, 2), 1)
    spawn(fn -> loop(%{half: half, head: <<>>, tail: <<>>, cut: 0}) end)
  end

  # What was printed, or "" if the program got hold of this process.
  def stop(pid) do
    ref = :erlang.monitor(:process, pid)
    send(pid, {:ectrain_take, self(), ref})

    text =
      receive do
        {^ref, text} when is_binary(text) -> text
        {:DOWN, ^ref, :process, _, _} -> ""
      after
        200 -> ""
      end

    :erlang.demonitor(ref, [:flush])
    :erlang.exit(pid, :kill)
    text
  end

  defp loop(kept) do
    receive do
      {:io_request, from, ref, request} ->
        {reply, kept} = io(request, kept)
        send(from, {:io_reply, ref, reply})
        loop(kept)

      {:ectrain_take, from, ref} ->
        send(from, {ref, text(kept)})

      _ ->
        loop(kept)
    end
  end

  defp io({:put_chars, encoding, chars}, kept), do: put(encoding, chars, kept)

  defp io({:put_chars, encoding, module, function, arguments}, kept) do
    put(encoding, apply(module, function, arguments), kept)
  catch
    _, _ -> {{:error, :put_chars}, kept}
  end

  defp io({:put_chars, chars}, kept), do: put(:latin1, chars, kept)
  defp io({:requests, requests}, kept), do: io_all(requests, :ok, kept)
  defp io(:getopts, kept), do: {[binary: true, encoding: :unicode], kept}
  defp io({:setopts, _}, kept), do: {:ok, kept}
  defp io({:get_geometry, _}, kept), do: {{:error, :enotsup}, kept}
  defp io(request, kept) when is_tuple(request), do: {:eof, kept}
  defp io(_, kept), do: {{:error, :request}, kept}

  defp io_all([request | rest], :ok, kept) do
    {reply, kept} = io(request, kept)
    io_all(rest, reply, kept)
  end

  defp io_all(_, reply, kept), do: {reply, kept}

  defp put(encoding, chars, kept) do
    case :unicode.characters_to_binary(chars, encoding) do
      text when is_binary(text) -> {:ok, add(kept, text)}
      {_, text, _} when encoding == :latin1 -> {:ok, add(kept, text)}
      _ -> {{:error, {:no_translation, encoding, :unicode}}, kept}
    end
  end

  defp add(%{half: half, head: head} = kept, text) when byte_size(head) < half do
    room = :erlang.min(half - byte_size(head), byte_size(text))
    <<first::binary-size(room), rest::binary>> = text
    add_tail(%{kept | head: head <> first}, rest)
  end

  defp add(kept, text), do: add_tail(kept, text)

  defp add_tail(%{half: half, tail: tail, cut: cut} = kept, text) do
    tail = tail <> text
    extra = :erlang.max(byte_size(tail) - half, 0)

    %{
      kept
      | tail: :binary.copy(binary_part(tail, extra, byte_size(tail) - extra)),
        cut: cut + extra
    }
  end

  defp text(%{head: head, tail: tail, cut: 0}), do: head <> tail
  defp text(%{head: head, tail: tail, cut: cut}), do: "#{head}\n[#{cut} bytes left out]\n#{tail}"
end
