"""Spellings of Elixir that a tokenizer keeps as one token each."""

SYMBOLS: tuple[str, ...] = (
    "|>", "->", "<-", "=>", "::", "<>", "++", "--", "==", "!=", "<=", ">=", "===", "!==", "=~",
    "&&", "||", "..", "...", "//", "**", "\\\\", "<<", ">>", "%{", "#{", '"""', "'''",
    "~r", "~w", "~s", "~D",
    "@doc", "@spec", "@moduledoc", "@type", "@impl", "defmodule",
)  # fmt: skip
