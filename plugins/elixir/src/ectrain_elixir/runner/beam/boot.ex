defmodule EctrainBoot do
  @moduledoc false
  # Loads the file that `build.exs` made, before anything else of Erlang is there: nothing but the
  # modules inside the emulator can be called.

  # So many at once: taking code into use costs the same for one and for many, memory does not.
  @at_once 20

  def load do
    {:ok, packed, _} = :erl_prim_loader.get_file('modules')
    modules = :erlang.binary_to_term(packed)
    some(modules)
    # The code server asks init what was loaded, and from where.
    send(:init, {self(), :loaded, named(modules)})
  end

  defp some([]), do: :ok

  defp some(modules) do
    {prepared, rest} = prepared(modules, @at_once, [])
    :ok = :erlang.finish_loading(prepared)
    some(rest)
  end

  defp prepared([{module, _, beam} | rest], left, done) when left > 0,
    do: prepared(rest, left - 1, [:erlang.prepare_loading(module, beam) | done])

  defp prepared(rest, _left, done), do: {done, rest}

  defp named([]), do: []
  defp named([{module, path, _} | rest]), do: [{module, path} | named(rest)]
end
