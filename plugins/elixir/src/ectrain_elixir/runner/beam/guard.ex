defmodule EctrainGuard do
  @moduledoc false
  # Integrity: the modules that decide are those of the installation. What is called while hostile
  # processes may be alive uses nothing but BIFs, for library modules can be replaced.

  @apps [:elixir, :ex_unit, :eex, :logger, :stdlib, :kernel, :compiler]

  # Every module of the installation and of the engine, to its checksum, as they were when the engine
  # was built; their folders are made sticky.
  def owned(folder) do
    for app <- @apps, dir = :code.lib_dir(app, :ebin), is_list(dir), do: :code.stick_dir(dir)
    {:ok, packed} = :file.read_file(:filename.join(folder, 'owned'))
    :erlang.binary_to_term(packed)
  end

  def seal, do: seal(:erlang.loaded(), [])

  def seal([], done), do: done

  def seal([module | rest], done),
    do: seal(rest, [{module, :erlang.get_module_info(module, :md5)} | done])

  # Throws if a module of the installation was compiled anew or is loaded with other code, or if a
  # sealed one is not what it was.
  def check(modules, %{owned: owned, seal: seal}) do
    with :ok <- foreign(modules, owned),
         :ok <- unchanged(seal),
         :ok <- genuine(:erlang.loaded(), owned) do
      :ok
    else
      {:broken, what} -> throw({:stop, "integrity", "tamper", <<"replaces ", what::binary>>})
    end
  end

  defp foreign([], _owned), do: :ok

  defp foreign([module | rest], owned) do
    case owned do
      %{^module => _} -> {:broken, :erlang.atom_to_binary(module)}
      _ -> foreign(rest, owned)
    end
  end

  # Modules that are loaded for a program have no seal, so these are held to what is installed.
  def genuine([], _owned), do: :ok

  def genuine([module | rest], owned) do
    case owned do
      %{^module => md5} -> genuine(module, :erlang.get_module_info(module, :md5), md5, rest, owned)
      _ -> genuine(rest, owned)
    end
  end

  defp genuine(_module, md5, md5, rest, owned), do: genuine(rest, owned)
  defp genuine(module, _, _, _, _), do: {:broken, :erlang.atom_to_binary(module)}

  def unchanged([]), do: :ok

  def unchanged([{module, md5} | rest]) do
    if :erlang.module_loaded(module) and :erlang.get_module_info(module, :md5) == md5 do
      unchanged(rest)
    else
      {:broken, :erlang.atom_to_binary(module)}
    end
  end
end
