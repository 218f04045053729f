# Compiles the engine's Elixir side, and makes what a machine starts from: elixir build.exs OUT FILE...
#
# Loading the compiler is most of a start. Erlang loads modules one by one, when they are called: it
# searches the code path, reads a file that is half debugging information, and takes the new code
# into use, each time. So the modules that a first program needs, found by running one, are stripped
# and put into one file, which `EctrainBoot` loads at once. All others are loaded as ever.

defmodule EctrainBuild do
  @apps [:kernel, :stdlib, :compiler, :elixir, :logger, :ex_unit, :eex]
  @first [:error_handler]

  def run([out | sources]) do
    {:ok, _, _} = Kernel.ParallelCompiler.compile_to_path(sources, out)
    engine = for file <- beams(out), do: read(file)
    ebins = for app <- @apps, do: Path.join(:code.lib_dir(app), "ebin")
    boot(out, ebins)
    owned = for ebin <- ebins, file <- beams(ebin), do: md5(file)
    owned = Map.new(owned ++ for({module, _, beam} <- engine, do: {module, md5_of(beam)}))
    write(out, "owned", owned)
    modules(out, engine)
    first = for module <- loaded(out, ebins), file = file(module, ebins), do: read(file)
    modules(out, first ++ engine)
    tell(ebins)
  end

  defp beams(folder), do: Path.wildcard(Path.join(folder, "*.beam"))

  # {module, path, code without what only debuggers need}
  defp read(file) do
    {:ok, {module, stripped}} = file |> File.read!() |> :beam_lib.strip()
    {module, String.to_charlist(file), unpacked(stripped)}
  end

  defp unpacked(<<31, 139, _::binary>> = packed), do: :zlib.gunzip(packed)
  defp unpacked(beam), do: beam

  defp md5(file) do
    {:ok, found} = :beam_lib.md5(String.to_charlist(file))
    found
  end

  defp md5_of(beam), do: :code.module_md5(beam)

  defp file(module, ebins) do
    Enum.find(for(ebin <- ebins, do: Path.join(ebin, "#{module}.beam")), &File.exists?/1)
  end

  defp write(out, name, term), do: File.write!(Path.join(out, name), :erlang.term_to_binary(term))
  defp modules(out, modules), do: write(out, "modules", modules)

  # Erlang's own boot script, with one step in front, and what applications say of themselves in it,
  # so that no machine parses their files.
  defp boot(out, ebins) do
    {:ok, script} = File.read(Path.join(:code.root_dir(), "bin/no_dot_erlang.boot"))
    {:script, id, steps} = :erlang.binary_to_term(script)
    {[loaded, progress], steps} = Enum.split(steps, 2)
    {steps, last} = Enum.split_while(steps, &(&1 != {:progress, :applications_loaded}))

    load = [
      {:path, ['$HARNESS']},
      {:primLoad, [EctrainBoot]},
      {:apply, {EctrainBoot, :load, []}}
    ]

    specs = for ebin <- Enum.drop(ebins, 2), do: {:apply, {:application, :load, [spec(ebin)]}}
    steps = [loaded, progress] ++ load ++ Enum.map(steps, &first/1) ++ specs ++ last
    write(out, "engine.boot", {:script, id, steps})
  end

  # Erlang's list has a parser that nobody may ask for; what is missed is loaded when it is called.
  defp first({:primLoad, [:error_handler | _]}), do: {:primLoad, @first}
  defp first(step), do: step

  defp spec(ebin) do
    [file] = Path.wildcard(Path.join(ebin, "*.app"))
    {:ok, [spec]} = :file.consult(String.to_charlist(file))
    spec
  end

  # What a machine has loaded after its first program.
  defp loaded(out, ebins) do
    path = Path.join(out, "loaded")
    erts = Path.join(:code.root_dir(), "erts-#{:erlang.system_info(:version)}/bin")
    start = ["+S", "1:1", "-noinput", "-boot", Path.join(out, "engine")]
    where = ["-boot_var", "HARNESS", out, "-pa" | ebins]
    what = ["-s", "Elixir.EctrainStart", "list", "-extra", path, out]
    home = %{"BINDIR" => erts, "ROOTDIR" => "#{:code.root_dir()}", "EMU" => "beam"}
    {_, 0} = System.cmd(Path.join(erts, "erlexec"), start ++ where ++ what, env: home)
    found = path |> File.read!() |> :erlang.binary_to_term()
    File.rm!(path)
    found -- :erlang.pre_loaded()
  end

  defp tell(ebins) do
    erts = :erlang.system_info(:version)
    IO.puts(Enum.join(["found", System.version(), :code.root_dir(), erts | ebins], "\n"))
  end
end

EctrainBuild.run(System.argv())
