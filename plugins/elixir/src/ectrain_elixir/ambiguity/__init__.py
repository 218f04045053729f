"""Ambiguity: prompts that can be read in two ways, with the questions to ask; and clear twins.

`prompts(split, size, seed)` is the entry. What is taken out of clear requests is data, in
`removals.toml`.
"""

from ectrain_elixir.ambiguity.prompts import Prompt, Reading, prompts
from ectrain_elixir.ambiguity.removals import TYPES, Type

__all__ = ["TYPES", "Prompt", "Reading", "Type", "prompts"]
