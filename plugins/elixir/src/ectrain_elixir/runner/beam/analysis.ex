defmodule EctrainAnalysis do
  @moduledoc false
  # The requests "analyse" (what a file defines and calls) and "format". Nothing is compiled, and no
  # names become atoms that need not: what is not known yet stays text.

  # Marks a name that is no atom of this machine; spelled so that no keyword of a text is taken for it.
  @unknown :"an unknown name"

  @definitions [:def, :defp, :defmacro, :defmacrop, :defguard, :defguardp, :defdelegate]
  @types [:type, :typep, :opaque]
  @callbacks [:callback, :macrocallback]
  @directives [:alias, :import, :require, :use]
  @special [:__block__, :__aliases__, :{}, :%{}, :%, :<<>>, :"::", :fn, :->, :<-, :=, :|, :^, :&] ++
             [:., :@, :when, :\\, :quote, :unquote, :unquote_splicing, :__MODULE__, :__ENV__] ++
             [:case, :cond, :if, :unless, :with, :for, :try, :receive, :super, :not, :and, :or] ++
             [:!, :&&, :||, :==, :!=, :===, :!==, :<, :>, :<=, :>=, :+, :-, :*, :/, :++, :--] ++
             [:<>, :.., :in, :|>, :"//", :=~, :raise, :throw, :defstruct, :defexception]

  def analyse(ctx, [code]) do
    answered(ctx, fn ->
      with {:ok, tree} <- parsed(code) do
        facts = forms(tree, nil, [])
        {:ok, for(fact <- Enum.reverse(facts), do: {Enum.to_list(fact)})}
      end
    end)
  end

  def format(ctx, [code]) do
    answered(ctx, fn ->
      with {:ok, _} <- parsed(code) do
        {:ok, IO.iodata_to_binary([Code.format_string!(code), "\n"])}
      end
    end)
  end

  defp parsed(code) do
    case Code.string_to_quoted(code, columns: true, static_atoms_encoder: &encoded/2) do
      {:ok, tree} -> {:ok, tree}
      {:error, {place, message, token}} -> {:failed, place, message, token}
    end
  end

  # Keywords and operators are atoms already; other names stay text unless the machine has them.
  defp encoded(text, _meta) do
    {:ok, :erlang.binary_to_existing_atom(text)}
  rescue
    ArgumentError -> {:ok, {@unknown, text}}
  end

  defp answered(ctx, body) do
    case EctrainCompiler.answered(ctx, body) do
      {:ok, found} -> [{:phase, "done"}, {:found, found}]
      {:failed, place, message, token} -> [{:phase, "parse"} | where(place, message, token)]
      {:failed, kind, message} -> [{:phase, "failed"}, {:kind, kind}, {:message, message}]
    end
  catch
    {:stop, phase, kind, message} -> [{:phase, phase}, {:kind, kind}, {:message, message}]
  end

  defp where(place, message, token) do
    {line, column} =
      case place do
        line when is_integer(line) -> {line, 0}
        meta -> {Keyword.get(meta, :line, 0), Keyword.get(meta, :column, 0)}
      end

    text = if is_tuple(message), do: Enum.join(Tuple.to_list(message), token), else: message
    said = if is_tuple(message), do: text, else: "#{text}#{token}"
    [{:line, line}, {:column, column}, {:message, EctrainIsolate.cap(said)}]
  end

  # -- what a module says about itself ----------------------------------------------------------

  defp forms({:__block__, _, list}, module, facts),
    do: Enum.reduce(list, facts, &forms(&1, module, &2))

  defp forms({:defmodule, meta, [name, [{:do, body}]]}, outer, facts),
    do: module("module", name, meta, body, outer, facts)

  defp forms({:defprotocol, meta, [name, [{:do, body}]]}, outer, facts),
    do: module("protocol", name, meta, body, outer, facts)

  defp forms({:defimpl, meta, [protocol | rest]}, outer, facts) do
    options = rest |> Enum.filter(&is_list/1) |> List.flatten()
    target = for {:for, type} <- options, do: text(type)
    name = Enum.join([text(protocol) | if(target == [], do: List.wrap(outer), else: target)], ".")
    facts = [fact("implementation", name, meta, %{of: text(protocol), for: target}) | facts]
    body = Enum.find_value(options, fn pair -> match?({:do, _}, pair) && elem(pair, 1) end)
    forms(body, name, facts)
  end

  defp forms({kind, meta, [head | rest]}, module, facts) when kind in @definitions do
    {name, arguments, guard} = head(head)
    least = length(arguments) - Enum.count(arguments, &match?({:\\, _, _}, &1))

    more = %{
      of: module,
      kind: Atom.to_string(kind),
      arity: length(arguments),
      least: least,
      guard: guard && text(guard),
      calls: rest |> calls() |> Enum.concat(calls(guard)) |> Enum.uniq(),
      parameters: Enum.map(arguments, &text/1)
    }

    [fact("function", name, meta, more) | facts]
  end

  defp forms({:@, meta, [{:spec, _, [spec]}]}, module, facts),
    do: [typed("spec", spec, meta, module) | facts]

  defp forms({:@, meta, [{kind, _, [type]}]}, module, facts) when kind in @types,
    do: [typed("type", type, meta, module) | facts]

  defp forms({:@, meta, [{kind, _, [spec]}]}, module, facts) when kind in @callbacks,
    do: [typed("callback", spec, meta, module) | facts]

  defp forms({:@, meta, [{:behaviour, _, [name]}]}, module, facts),
    do: [fact("behaviour", text(name), meta, %{of: module}) | facts]

  defp forms({kind, meta, [fields]}, module, facts) when kind in [:defstruct, :defexception] do
    names = for field <- List.wrap(fields), do: field |> field() |> text()
    [fact("struct", module, meta, %{of: module, fields: names}) | facts]
  end

  defp forms({kind, meta, [name | _]}, module, facts) when kind in @directives do
    for one <- several(name), reduce: facts do
      facts -> [fact(Atom.to_string(kind), one, meta, %{of: module}) | facts]
    end
  end

  defp forms(_, _module, facts), do: facts

  defp module(kind, name, meta, body, outer, facts) do
    full = Enum.join(List.wrap(outer) ++ [text(name)], ".")
    forms(body, full, [fact(kind, full, meta, %{of: outer}) | facts])
  end

  defp fact(fact, name, meta, more),
    do: Map.merge(%{fact: fact, name: name, line: meta[:line], column: meta[:column]}, more)

  defp typed(kind, {:when, _, [spec, _]}, meta, module), do: typed(kind, spec, meta, module)

  defp typed(kind, {:"::", _, [head, result]}, meta, module) do
    {name, arguments, _} = head(head)
    more = %{of: module, arity: length(arguments), text: text(head), returns: text(result)}
    fact(kind, name, meta, more)
  end

  defp typed(kind, other, meta, module), do: fact(kind, text(other), meta, %{of: module})

  defp head({:when, _, [head | guards]}), do: put_elem(head(head), 2, List.last(guards))
  defp head({:"::", _, [head, _]}), do: head(head)
  defp head({name, _, arguments}) when is_list(arguments), do: {text(name), arguments, nil}
  defp head({name, _, _}), do: {text(name), [], nil}
  defp head(other), do: {text(other), [], nil}

  defp field({@unknown, _} = name), do: name
  defp field({name, _default}), do: name
  defp field(name), do: name

  defp several({{:., _, [base, :{}]}, _, names}),
    do: for(name <- names, do: text(base) <> "." <> text(name))

  defp several(name), do: [text(name)]

  # -- calls ----------------------------------------------------------------------------------

  # "Module.name/arity" or "name/arity", in the order of the text; a pipe adds an argument.
  defp calls(quoted), do: quoted |> called(0, []) |> Enum.reverse()

  defp called({:|>, _, [left, right]}, _more, found), do: called(right, 1, called(left, 0, found))

  defp called({:&, _, [{:/, _, [{form, _, _}, arity]}]}, _more, found) when is_integer(arity) do
    case form do
      {:., _, [left, name]} -> ["#{text(left)}.#{text(name)}/#{arity}" | found]
      name when is_atom(name) or is_tuple(name) -> ["#{text(name)}/#{arity}" | found]
    end
  end

  defp called({{:., _, [left, name]}, meta, arguments}, more, found) when is_list(arguments) do
    found = called(left, 0, found)
    called = "#{text(left)}.#{text(name)}/#{length(arguments) + more}"
    field? = meta[:no_parens] == true and arguments == [] and more == 0
    found = if field? or variable?(left), do: found, else: [called | found]
    Enum.reduce(arguments, found, &called(&1, 0, &2))
  end

  defp called({{@unknown, name}, _, arguments}, more, found) when is_list(arguments),
    do:
      Enum.reduce(arguments, ["#{name}/#{length(arguments) + more}" | found], &called(&1, 0, &2))

  defp called({name, _, arguments}, more, found) when is_atom(name) and is_list(arguments) do
    own = if name in @special, do: [], else: ["#{name}/#{length(arguments) + more}"]
    Enum.reduce(arguments, own ++ found, &called(&1, 0, &2))
  end

  defp called({form, _, arguments}, _more, found) when is_list(arguments),
    do: Enum.reduce(arguments, called(form, 0, found), &called(&1, 0, &2))

  defp called({left, right}, _more, found), do: called(right, 0, called(left, 0, found))
  defp called(list, _, found) when is_list(list), do: Enum.reduce(list, found, &called(&1, 0, &2))
  defp called(_, _more, found), do: found

  defp variable?({name, _, context}) when is_atom(context), do: name not in [:__MODULE__]
  defp variable?(_), do: false

  # -- text -----------------------------------------------------------------------------------

  defp text({@unknown, name}), do: name
  defp text(name) when is_atom(name), do: name |> inspect() |> String.trim_leading(":")
  defp text({:__aliases__, _, parts}), do: Enum.map_join(parts, ".", &part/1)
  defp text(quoted), do: quoted |> Macro.prewalk(&known/1) |> Macro.to_string()

  defp part({@unknown, name}), do: name
  defp part(atom) when is_atom(atom), do: Atom.to_string(atom)
  defp part(quoted), do: text(quoted)

  # Showing needs atoms: these few are made.
  defp known({@unknown, name}), do: String.to_atom(name)
  defp known(other), do: other
end
