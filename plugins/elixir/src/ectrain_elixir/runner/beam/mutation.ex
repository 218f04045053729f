defmodule EctrainMutation do
  @moduledoc false
  # The requests "mutants" (what there is) and "show" (the text of some).

  alias EctrainIsolate, as: Isolate

  @file_name "program.ex"

  def mutants(ctx, [code]) do
    answered(ctx, fn ->
      with {:ok, tree} <- EctrainTree.parse(code, @file_name) do
        {:ok, for(mutant <- EctrainMutants.all(tree), do: site(tree, mutant))}
      end
    end)
  end

  defp site(tree, {path, name, new, old}) do
    {line, column} = EctrainTree.place_at(tree, path, old)
    before = Isolate.cap(EctrainTree.text(old))
    [Atom.to_string(name), line, column, before, Isolate.cap(EctrainTree.text(new))]
  end

  def show(ctx, [code | indexes]) do
    answered(ctx, fn ->
      with {:ok, tree} <- EctrainTree.parse(code, @file_name) do
        all = EctrainMutants.all(tree)
        texts = for i <- indexes, do: EctrainTree.text(put(tree, Enum.at(all, number(i))))
        {:ok, [EctrainTree.text(tree) | texts]}
      end
    end)
  end

  def put(tree, {path, _, new, _}), do: EctrainTree.put(tree, path, new)
  defp number(text), do: String.to_integer(text)

  defp answered(ctx, body) do
    case EctrainCompiler.answered(ctx, body) do
      {:ok, found} -> [{:phase, "done"}, {:found, found}]
      {:failed, kind, message} -> failed("candidate", kind, message)
    end
  catch
    {:stop, phase, kind, message} -> failed(phase, kind, message)
  end

  def failed(phase, kind, message), do: [{:phase, phase}, {:kind, kind}, {:message, message}]
end
