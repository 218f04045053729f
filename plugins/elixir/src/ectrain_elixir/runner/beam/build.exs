# Compiles the engine's Elixir side, and makes what a machine starts from: elixir build.exs OUT FILE...
#
# Loading the compiler is most of a start. Erlang loads modules one by one, when they are called: it
# searches the code path, reads a file that is half debugging information, and takes the new code
# into use, each time. So the modules that a first program needs, found by running one, are stripped
# and put into one file, which `EctrainBoot` loads at once; what only warm machines need is in another
# one. All others are loaded as ever.

defmodule EctrainBuild do
  @apps [:kernel, :stdlib, :compiler, :elixir, :logger, :ex_unit, :eex]
  @first [:error_handler]
  @engine [EctrainBoot, EctrainCapture, EctrainCollector, EctrainJson]

  # Elixir's start asks it for a number, once, and it would bring a tenth of all code with it: tables
  # of Unicode. Whoever asks for anything else gets the real one; `EctrainStart` ends the stand-in.
  @stand_in """
  -module(string).
  -export([to_integer/1, '$handle_undefined_function'/2]).
  to_integer(Text) ->
      try {list_to_integer(Text), []}
      catch error:badarg -> '$handle_undefined_function'(to_integer, [Text])
      end.
  '$handle_undefined_function'(Name, Arguments) ->
      {module, string} = code:load_file(string),
      apply(string, Name, Arguments).
  """

  def run([out | sources]) do
    {:ok, _, _} = Kernel.ParallelCompiler.compile_to_path(sources, out)
    ebins = for app <- @apps, do: Path.join(:code.lib_dir(app), "ebin")
    boot(out, ebins)
    owned = for folder <- [out | ebins], file <- beams(folder), do: md5(file)
    write(out, "owned", Map.new(owned))
    write(out, "modules", [stand_in()])
    write(out, "warm", [])
    first = Enum.uniq(@engine ++ loaded(out, ebins, "strict"))
    warm = loaded(out, ebins, "warm") ++ for file <- beams(out), do: name(file)
    write(out, "modules", [stand_in() | read(first, [out | ebins])])
    write(out, "warm", read(Enum.uniq(warm) -- first, [out | ebins]))
    tell(ebins)
  end

  defp beams(folder), do: Path.wildcard(Path.join(folder, "*.beam"))
  defp name(file), do: file |> Path.basename(".beam") |> String.to_atom()

  defp read(modules, folders),
    do: for(module <- modules, file = file(module, folders), do: read(file))

  # {module, path, code without what only debuggers and stack traces need}
  defp read(file) do
    {:ok, {module, stripped}} = file |> File.read!() |> :beam_lib.strip()
    {:ok, ^module, parts} = :beam_lib.all_chunks(stripped)
    {:ok, lean} = :beam_lib.build_module(for {id, data} <- parts, id != 'Line', do: {id, data})
    {module, String.to_charlist(file), unpacked(lean)}
  end

  defp unpacked(<<31, 139, _::binary>> = packed), do: :zlib.gunzip(packed)
  defp unpacked(beam), do: beam

  defp md5(file) do
    {:ok, found} = :beam_lib.md5(String.to_charlist(file))
    found
  end

  defp file(module, folders) do
    Enum.find(for(folder <- folders, do: Path.join(folder, "#{module}.beam")), &File.exists?/1)
  end

  defp write(out, name, term), do: File.write!(Path.join(out, name), :erlang.term_to_binary(term))

  # {module, path, code}, compiled without loading it: this machine needs the real one.
  defp stand_in do
    forms =
      for text <- String.split(@stand_in, ~r/\.\n(?=-|[a-z\'])|\.\n\z/, trim: true) do
        {:ok, tokens, _} = :erl_scan.string(String.to_charlist(text <> "."))
        {:ok, form} = :erl_parse.parse_form(tokens)
        form
      end

    {:ok, module, code} = :compile.forms(forms)
    {module, 'stand-in', code}
  end

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

  # What a machine of a mode has loaded after its first program.
  defp loaded(out, ebins, mode) do
    path = Path.join(out, "loaded")
    erts = Path.join(:code.root_dir(), "erts-#{:erlang.system_info(:version)}/bin")
    start = ["+S", "1:1", "-noinput", "-boot", Path.join(out, "engine")]
    where = ["-boot_var", "HARNESS", out, "-pa" | ebins]
    what = [out, "-s", "Elixir.EctrainStart", "list", "-extra", mode, path, out]
    home = %{"BINDIR" => erts, "ROOTDIR" => "#{:code.root_dir()}", "EMU" => "beam"}
    {_, 0} = System.cmd(Path.join(erts, "erlexec"), start ++ where ++ what, env: home)
    found = path |> File.read!() |> :erlang.binary_to_term()
    File.rm!(path)
    found -- [:string | :erlang.pre_loaded()]
  end

  defp tell(ebins) do
    erts = :erlang.system_info(:version)
    IO.puts(Enum.join(["found", System.version(), :code.root_dir(), erts | ebins], "\n"))
  end
end

EctrainBuild.run(System.argv())
