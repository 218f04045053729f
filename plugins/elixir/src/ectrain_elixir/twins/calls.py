"""Calls that are dangerous with the caller's text in them, and calls that never are.

E stands for the argument. Each sink is reported by Sobelow 0.13 exactly when E holds a variable.
"""

from __future__ import annotations

SINKS: dict[str, tuple[str, ...]] = {
    "CI.OS": (":os.cmd(E)",),
    "CI.System": ('System.cmd(E, ["-l"])', "System.cmd(E, [])"),
    "DOS.BinToAtom": (":erlang.binary_to_atom(E, :utf8)",),
    "DOS.ListToAtom": ("List.to_atom([E])",),
    "DOS.StringToAtom": ("String.to_atom(E)",),
    "Misc.BinToTerm": (":erlang.binary_to_term(E)", ":erlang.binary_to_term(E, [:safe])"),
    "RCE.CodeModule": ("Code.eval_string(E)", "Code.eval_file(E)"),
    "RCE.EEx": ("EEx.eval_string(E, [])", "EEx.eval_file(E)"),
    "SQL.Query": ("Repo.query(E)", "SQL.query(Repo, E, [])", "Repo.query!(E)"),
    "SQL.Stream": ("SQL.stream(Repo, E, [])",),
    "Traversal.FileModule": ("File.read(E)", 'File.write(E, "x")', "File.rm(E)", "File.open(E)"),
    "Traversal.SendDownload": ("send_download(conn, {:file, E})",),
    "Traversal.SendFile": ("send_file(conn, 200, E)",),
    "XSS.ContentType": ("put_resp_content_type(conn, E)",),
    "XSS.HTML": ("html(conn, E)",),
    "XSS.SendResp": ("send_resp(conn, 200, E)",),
}

HARMLESS: tuple[str, ...] = (
    "String.upcase(E)",
    "String.to_existing_atom(E)",
    "Path.basename(E)",
    "Logger.info(E)",
    "json(conn, E)",
    "text(conn, E)",
    "assign(conn, :item, E)",
    "put_session(conn, :item, E)",
    "Base.encode64(E)",
    "List.wrap([E])",
    "Repo.insert(E, [])",
    "Cache.get(Repo, E, [])",
    ":erlang.phash2(E)",
    "System.get_env(E)",
    "Code.format_string!(E)",
)

# Of each shape, the argument with the caller's text (V) and the one without (T is a word).
ARGUMENTS: dict[str, tuple[str, str]] = {
    "plain": ("V", '"T"'),
    "joined": ('"P" <> V', '"P" <> "T"'),
    "led": ('V <> "P"', '"T" <> "P"'),
    "within": ('"P" <> V <> "S"', '"P" <> "T" <> "S"'),
    "filled": ('"P #{V} S"', '"P T S"'),
}
