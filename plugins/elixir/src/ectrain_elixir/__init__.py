"""What several tasks share about Elixir: embedded data, real code, syntax, execution."""
