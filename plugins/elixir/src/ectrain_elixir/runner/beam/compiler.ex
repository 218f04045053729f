defmodule EctrainCompiler do
  @moduledoc false
  # Parses and compiles hostile text, always in a process of its own: macros and module bodies run.

  import EctrainIsolate, only: [run: 2, cap: 1, failure: 3, describe: 2]

  # {:ok, [{module, binary}]} or {:failed, kind, message}
  def compile(ctx, source, file) do
    answered(ctx, fn ->
      with {:ok, quoted} <- parse(source, file), do: compile_quoted(quoted, file)
    end)
  end

  def answered(ctx, body) do
    case run(ctx, fn reply -> reply.({:answer, body.()}) end) do
      {:answer, outcome} -> outcome
      {:died, reason} -> {:failed, "exit", describe(ctx, reason)}
    end
  end

  def names([]), do: []
  def names([{module, _} | rest]), do: [module | names(rest)]

  def parse(source, file) do
    {:ok, Code.string_to_quoted!(source, file: file)}
  rescue
    error -> {:failed, "parse", cap(Exception.message(error))}
  end

  def compile_quoted(quoted, file) do
    {:ok, Code.compile_quoted(quoted, file)}
  catch
    :error, %CompileError{} = error -> {:failed, "compile", cap(Exception.message(error))}
    kind, reason -> failure(kind, reason, __STACKTRACE__)
  end
end
