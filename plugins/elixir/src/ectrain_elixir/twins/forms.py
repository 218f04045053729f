"""Calls that are dangerous with the caller's text in them, and calls that look like them.

In a form, E is the gap whose text decides: Sobelow 0.13 reports the call when, and only when, a
variable is in it. A is a gap where any text is harmless. Calls that Sobelow and the truth judge
differently, such as `Repo.query!` (dangerous, not reported), are in neither table.
"""

from __future__ import annotations

SINKS: dict[str, tuple[str, ...]] = {
    "CI.OS": (":os.cmd(E)", "E |> :os.cmd()"),
    "CI.System": ("System.cmd(E, [])", "System.cmd(E, [A])", 'System.cmd(E, ["-l", A])'),
    "DOS.BinToAtom": (
        ":erlang.binary_to_atom(E)", ":erlang.binary_to_atom(E, :utf8)", ':"item-#{E}"'
    ),
    "DOS.ListToAtom": ("List.to_atom(E)", "E |> List.to_atom()"),
    "DOS.StringToAtom": ("String.to_atom(E)", "E |> String.to_atom()"),
    "Misc.BinToTerm": (
        ":erlang.binary_to_term(E)", ":erlang.binary_to_term(E, [:safe])",
        "E |> :erlang.binary_to_term()",
    ),
    "RCE.CodeModule": (
        "Code.eval_string(E)", "Code.eval_string(E, item: A)", "E |> Code.eval_string()",
        "Code.eval_file(E)",
    ),
    "RCE.EEx": ("EEx.eval_string(E)", "EEx.eval_string(E, item: A)", "EEx.eval_file(E, item: A)"),
    "SQL.Query": (
        "Repo.query(E)", "Repo.query(E, [A])", "SQL.query(Repo, E)", "SQL.query(Repo, E, [A])"
    ),
    "SQL.Stream": ("SQL.stream(Repo, E)", "SQL.stream(Repo, E, [A])"),
    "Traversal.FileModule": (
        "File.read(E)", "E |> File.read()", "File.write(E, A)", "File.rm(E)", "File.open(E)",
        "File.mkdir_p(E)", 'File.cp("item.txt", E)', 'File.cp(E, "item.txt")',
    ),
    "Traversal.SendDownload": (
        "send_download(conn, {:file, E})", "conn |> send_download({:file, E})",
        "send_download(conn, {:file, E}, filename: A)",
    ),
    "Traversal.SendFile": ("send_file(conn, 200, E)", "conn |> send_file(200, E)"),
    "XSS.ContentType": ("put_resp_content_type(conn, E)", "conn |> put_resp_content_type(E)"),
    "XSS.HTML": ("html(conn, E)", "conn |> html(E)"),
    "XSS.Raw": ("raw(E)", "E |> raw()", "Phoenix.HTML.raw(E)"),
    "XSS.SendResp": (
        "send_resp(conn, 200, E)", "conn |> send_resp(200, E)",
        'conn |> put_resp_content_type("text/html") |> send_resp(200, E)',
    ),
}  # fmt: skip

LOOK_ALIKES: dict[str, tuple[str, ...]] = {
    "CI.OS": (":os.getenv(A)", ":os.find_executable(A)"),
    "CI.System": ("System.get_env(A)", "System.find_executable(A)", 'System.cmd("git", [A])'),
    "DOS.BinToAtom": (":erlang.binary_to_existing_atom(A)", ":erlang.binary_to_integer(A)"),
    "DOS.ListToAtom": ("List.to_existing_atom(A)", "A |> List.to_existing_atom()"),
    "DOS.StringToAtom": (
        "String.to_existing_atom(A)", "A |> String.to_existing_atom()", "String.to_charlist(A)"
    ),
    "Misc.BinToTerm": (
        ":erlang.term_to_binary(A)", "Plug.Crypto.non_executable_binary_to_term(A)"
    ),
    "RCE.CodeModule": ("Code.string_to_quoted(A)", 'Code.eval_string("item", item: A)'),
    "RCE.EEx": (
        'EEx.eval_string("<%= item %>", item: A)', 'EEx.eval_file("item.eex", item: A)'
    ),
    "SQL.Query": (
        'Repo.query("delete from items where id = $1", [A])', "Repo.get_by(Item, name: A)"
    ),
    "SQL.Stream": ('SQL.stream(Repo, "select $1", [A])', "Repo.all(Item, prefix: A)"),
    "Traversal.FileModule": (
        "File.exists?(A)", "File.regular?(A)", 'File.write("item.txt", A)', "Path.extname(A)"
    ),
    "Traversal.SendDownload": (
        "send_download(conn, {:binary, A})", "conn |> send_download({:binary, A})",
        'send_download(conn, {:file, "item.txt"}, filename: A)',
    ),
    "Traversal.SendFile": ('put_resp_header(conn, "x-file", A)',),
    "XSS.ContentType": ('put_resp_header(conn, "x-kind", A)', "put_format(conn, A)"),
    "XSS.HTML": ("text(conn, A)", "json(conn, A)", 'render(conn, "item.html", item: A)'),
    "XSS.Raw": ("html_escape(A)", "content_tag(:b, A)", "text_to_html(A)"),
    "XSS.SendResp": (
        'conn |> put_resp_content_type("text/plain") |> send_resp(200, A)', "text(conn, A)"
    ),
}  # fmt: skip

HARMLESS: tuple[str, ...] = (
    "Logger.info(A)", "String.upcase(A)", "Base.encode64(A)", "Path.basename(A)",
    ":erlang.phash2(A)", "Cache.put(:item, A)", "Mailer.deliver(A)", "Audit.log(A)",
    "assign(conn, :item, A)", "put_session(conn, :item, A)",
)  # fmt: skip

CHARLIST_SINKS = frozenset({"CI.OS", "DOS.ListToAtom"})
CHARLIST_HARMLESS = ("to_string(A)", ":string.uppercase(A)", "List.to_string(A)", "IO.puts(A)")

# Text before and after a gap's own.
AROUND: dict[str, tuple[tuple[str, str], ...]] = {
    "CI": (("bin/", ".sh"), ("git-", "-all")),
    "DOS": (("user_", "_id"), ("is_", "_at")),
    "RCE": (("1 + ", " + 2"), ("item.", ".name")),
    "SQL": (("select * from ", " limit 1"), ("delete from ", " where id = 1")),
    "Traversal": (("uploads/", ".txt"), ("tmp/", "/index.html")),
    "XSS": (("<b>", "</b>"), ("text/", "/html")),
    "Misc": (("v1:", ":end"), ("blob-", "-raw")),
    "": (("item ", "."), ("old-", "-copy"), ("seen: ", "; done")),
}

# The text V, of the caller or constant, with what is around it, P and S; how often each is drawn.
SHAPES = {"V": 1, '"P" <> V': 6, 'V <> "S"': 1, '"P" <> V <> "S"': 6, '"P#{V}S"': 1}
CHARLIST_SHAPES = {"V": 1, "'P' ++ V": 6, "V ++ 'S'": 1, "'P' ++ V ++ 'S'": 6}
