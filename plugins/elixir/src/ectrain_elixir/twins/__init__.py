"""Vulnerable and fixed twins: snippets that differ in where the caller's text goes."""

from ectrain_elixir.twins.snippets import Snippet, snippets

__all__ = ["Snippet", "snippets"]
