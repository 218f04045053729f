"""CodeBLEU for Elixir: how near a program comes to a reference, in four parts.

Source: Ren et al., CodeBLEU: a method for automatic evaluation of code synthesis (2020): n-grams,
n-grams that weigh keywords more, subtrees of the syntax tree, edges of the data flow. Trees are
compared in a normal form, so that what Elixir only writes differently is alike: a pipe is a call,
`do:` is a block.
"""

from ectrain_elixir.codebleu.score import PARTS, CodeBleu, code_bleu

__all__ = ["PARTS", "CodeBleu", "code_bleu"]
