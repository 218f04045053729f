"""A file without what doesn't matter: layout, comments and the names of variables.

Tokens come from one regular expression, not from the grammar: several times as fast, and the same
for texts that are the same program. What it takes for a variable is a lower-case word that is no
call, no key and no part of a name.
"""

from __future__ import annotations

import hashlib
import re
import zlib

import attrs
import numpy as np
import rensa
from numpy.typing import NDArray

SHINGLE = 5  # tokens of a shingle
PERMUTATIONS = 64  # of a MinHash signature: its estimate of likeness is off by about 0.06

_KEYWORDS = frozenset(
    [
        "after",
        "and",
        "case",
        "catch",
        "cond",
        "def",
        "defdelegate",
        "defexception",
        "defguard",
        "defguardp",
        "defimpl",
        "defmacro",
        "defmacrop",
        "defmodule",
        "defoverridable",
        "defp",
        "defprotocol",
        "defstruct",
        "destructure",
        "do",
        "else",
        "end",
        "false",
        "fn",
        "for",
        "if",
        "import",
        "in",
        "nil",
        "not",
        "or",
        "quote",
        "raise",
        "receive",
        "require",
        "rescue",
        "super",
        "throw",
        "true",
        "try",
        "unless",
        "unquote",
        "unquote_splicing",
        "use",
        "when",
        "with",
        "alias",
    ]
)
_WORD = r"[a-z_][A-Za-z0-9_]*[?!]?"
_OPERATOR_WORD = r"(?:and|or|in|when|not|do|end|else|rescue|catch|after)\b"
_OPERAND = rf"""(?!{_OPERATOR_WORD})(?:["'@A-Za-z]|:(?!:)|%[A-Z{{]|~[A-Za-z])"""
_TOKEN = re.compile(
    rf"""[\s(),;]*(
      {_WORD}(?::(?!:)|\(|[ \t]+(?={_OPERAND}))?                 # word, key, call
    | [A-Z][A-Za-z0-9_]*(?:\.[A-Z][A-Za-z0-9_]*)*(?:\.{_WORD}|:(?!:))?   # module, remote call
    | [@:.&]{_WORD}                                          # attribute, atom, field, capture
    | [\[\]{{}}%]
    | \#[^\n]*                                               # comment
    | 0x[0-9a-fA-F_]+ | \d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?
    | (?:~[a-zA-Z])?\"\"\"(?:[^"\\]+|\\.|"(?!""))*\"\"\"[a-z]*   # heredocs
    | (?:~[a-zA-Z])?\'\'\'(?:[^'\\]+|\\.|'(?!''))*\'\'\'[a-z]*
    | (?:~[a-zA-Z])?"(?:[^"\\]+|\\.)*"[a-z]*:?                 # strings and sigils
    | (?:~[a-zA-Z])?'(?:[^'\\]+|\\.)*'[a-z]*:?
    | ~[a-zA-Z](?:\((?:[^)\\]|\\.)*\)|\[(?:[^\]\\]|\\.)*\]|\{{(?:[^}}\\]|\\.)*\}}
                 |/(?:[^/\\]|\\.)*/|\|(?:[^|\\]|\\.)*\||<(?:[^>\\]|\\.)*>)[a-z]*
    | \?(?:\\.|\S)                                           # a character
    | [<>=!|&+*/^~:.\\-]+                                     # operators
    )""",
    re.VERBOSE | re.DOTALL,
)
_INTERPOLATION = re.compile(r"#\{([^{}]*)\}")
_PLAIN_WORD = re.compile(r"[a-z_][A-Za-z0-9_]*")
_REMOTE = re.compile(r"[A-Z][\w.]*\.[a-z_]\w*[?!]?")

VARIABLE = 0  # the number of every token that is a variable

_PLAIN, _WORD_KIND, _COMMENT, _TEXT = range(4)  # the two lowest bits of a token's number
_KIND = np.uint64(3)


@attrs.frozen(eq=False)
class Normal:
    """A file as tokens.

    Attributes:
        tokens: A number for each: the same spelling, the same number; variables are all 0.
        digest: SHA-256 over the tokens, variables told apart by the order of their appearance.
        remote: Remote calls, such as "Enum.map", each once.
    """

    tokens: NDArray[np.uint64]
    digest: str
    remote: frozenset[str]

    def shingles(self) -> NDArray[np.uint64]:
        """Return a number for each different run of tokens."""
        return runs_of(self.tokens, SHINGLE)


def normalised(code: str) -> Normal:
    """Return a file's normal form; programs that differ in layout or variables have the same."""
    spelled = _TOKEN.findall(code)
    numbers = _numbers(spelled)
    texts = np.flatnonzero(numbers & _KIND == _TEXT)
    if len(texts):
        parts = [_numbers(_parts(spelled[place])) for place in texts]
        counts = [len(part) for part in parts]
        numbers = np.insert(numbers, np.repeat(texts, counts), np.concatenate(parts))
        numbers = numbers[numbers & _KIND != _TEXT]
    numbers = numbers[numbers & _KIND != _COMMENT]
    calls = _numbers([token.rstrip() for token in set(spelled) if token[-1] in " \t"])
    variable = (numbers & _KIND == _WORD_KIND) & ~np.isin(numbers, calls)
    names, first, which = np.unique(numbers[variable], return_index=True, return_inverse=True)
    rank = np.empty(len(names), dtype=np.uint32)
    rank[np.argsort(first)] = np.arange(len(names), dtype=np.uint32)
    tokens = np.where(variable, np.uint64(VARIABLE), numbers & ~_KIND)
    digest = hashlib.sha256(tokens.tobytes() + rank[which].tobytes()).hexdigest()
    remote = (t for t in set(spelled) if t[0].isupper() and "." in t and _REMOTE.fullmatch(t))
    return Normal(tokens, digest, frozenset(remote))


def _numbers(spelled: list[str]) -> NDArray[np.uint64]:
    return np.fromiter(map(_table.__getitem__, spelled), dtype=np.uint64, count=len(spelled))


def _parts(text: str) -> list[str]:
    """Return a text's lines without indentation, and the tokens inside its `#{}`."""
    found = []
    for place, part in enumerate(_INTERPOLATION.split(text)):
        if place % 2:
            found += ["#{", *(t for t in _TOKEN.findall(part) if _table[t] & 3 != _TEXT), "}"]
        else:
            found.append('"' + "\x01".join(line.strip() for line in part.split("\n")))
    return found


class _Table(dict[str, int]):
    """The number of each spelling: 62 bits of a hash and two that say what kind it is."""

    def __missing__(self, token: str) -> int:
        if len(self) > 1 << 20:
            self.clear()
        kind, spelling = _PLAIN, token
        if token[0] == "#" and token != "#{":
            kind = _COMMENT
        elif token[0].islower() or token[0] == "_":
            spelling = token.rstrip(" \t(")
            if spelling == token and token not in _KEYWORDS and _PLAIN_WORD.fullmatch(token):
                kind = _WORD_KIND
        elif token[0].isdigit():
            spelling = token.replace("_", "").lower()
        elif token[0] in "\"'~" and ("#{" in token or "\n" in token):
            kind = _TEXT
        data = spelling.encode("utf-8", "surrogatepass")
        self[token] = found = zlib.crc32(data) << 32 | zlib.adler32(data) & ~3 | kind
        return found


_table = _Table()


def runs_of(tokens: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """Return a number for each different run of so many tokens; of fewer, one for all."""
    if len(tokens) == 0:
        return tokens
    length = min(length, len(tokens))
    last = len(tokens) - length + 1
    found = np.zeros(last, dtype=np.uint64)
    for place in range(length):
        found = (found ^ tokens[place : place + last]) * np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(29)
    return np.unique(found)


def signatures(shingles: list[NDArray[np.uint64]]) -> NDArray[np.uint32]:
    """Return MinHash signatures, `[files, permutations]`.

    Source: A. Broder, On the resemblance and containment of documents (1997).
    """
    if not shingles:
        return np.zeros((0, PERMUTATIONS), dtype=np.uint32)
    flat = np.concatenate(shingles)
    offsets = np.cumsum([0, *map(len, shingles)]).astype(np.uint64)
    matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(flat, offsets, PERMUTATIONS, 1)
    return np.array(matrix.to_rows(), dtype=np.uint32)


def spellings(code: str) -> list[str]:
    """Return the tokens of a file as they are spelled, comments among them."""
    return [token.rstrip(" \t") for token in _TOKEN.findall(code)]
