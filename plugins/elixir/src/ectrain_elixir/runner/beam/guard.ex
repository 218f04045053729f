defmodule EctrainGuard do
  @moduledoc false
  # Integrity: the modules that decide are those of the installation. What is called while hostile
  # processes may be alive uses nothing but BIFs, for library modules can be replaced.

  @apps [:elixir, :ex_unit, :eex, :logger, :stdlib, :kernel, :compiler]

  # Every module of the installation, to its folder; their folders are made sticky.
  def owned do
    dirs = for app <- @apps, dir = :code.lib_dir(app, :ebin), is_list(dir), do: dir
    for dir <- dirs, do: :code.stick_dir(dir)

    for dir <- dirs,
        {:ok, files} = :file.list_dir(dir),
        file <- files,
        :filename.extension(file) == '.beam',
        into: %{},
        do: {:erlang.list_to_atom(:filename.rootname(file)), dir}
  end

  def seal, do: seal(:erlang.loaded(), [])

  def seal([], done), do: done

  def seal([module | rest], done),
    do: seal(rest, [{module, :erlang.get_module_info(module, :md5)} | done])

  # Throws if a module of the installation was compiled anew, or a sealed one is not what it was.
  def check(modules, %{owned: owned, seal: seal}) do
    with :ok <- foreign(modules, owned), :ok <- unchanged(seal) do
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

  def unchanged([]), do: :ok

  def unchanged([{module, md5} | rest]) do
    if :erlang.module_loaded(module) and :erlang.get_module_info(module, :md5) == md5 do
      unchanged(rest)
    else
      {:broken, :erlang.atom_to_binary(module)}
    end
  end
end
