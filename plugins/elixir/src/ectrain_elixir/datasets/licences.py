"""Which licence a package or a file is under, as an SPDX id; "" where nothing says so."""

from __future__ import annotations

import re
from collections.abc import Callable

_NAMED = re.compile(r"""licen[cs]es\s*:\s*\[\s*((?:["'][^"']+["']\s*,?\s*)+)\]""")
_QUOTED = re.compile(r"""["']([^"']+)["']""")
_HEX = re.compile(r'\{<<"licenses">>,\s*\[((?:<<"[^"]*">>,?\s*)*)\]\}')
_FILE = re.compile(r"SPDX-License-Identifier:\s*([\w.+-]+(?: (?:AND|OR|WITH) [\w.+-]+)*)")

# phrases of licence texts, the more special first
_TEXTS = (
    ("AGPL-3.0", ("GNU AFFERO GENERAL PUBLIC LICENSE", "Version 3")),
    ("LGPL-3.0", ("GNU LESSER GENERAL PUBLIC LICENSE", "Version 3")),
    ("LGPL-2.1", ("GNU LESSER GENERAL PUBLIC LICENSE", "Version 2.1")),
    ("GPL-3.0", ("GNU GENERAL PUBLIC LICENSE", "Version 3")),
    ("GPL-2.0", ("GNU GENERAL PUBLIC LICENSE", "Version 2")),
    ("MPL-2.0", ("Mozilla Public License", "2.0")),
    ("Apache-2.0", ("Apache License", "Version 2.0")),
    ("MIT", ("Permission is hereby granted, free of charge",)),
    ("BSD-3-Clause", ("Redistribution and use in source and binary forms", "endorse or promote")),
    ("BSD-2-Clause", ("Redistribution and use in source and binary forms",)),
    ("ISC", ("Permission to use, copy, modify, and/or distribute this software",)),
    ("Unlicense", ("This is free and unencumbered software",)),
    ("CC0-1.0", ("CC0 1.0 Universal",)),
)
_SPELLINGS = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache-2": "Apache-2.0",
    "apache2": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache v2.0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "mit license": "MIT",
    "gplv3": "GPL-3.0",
    "mpl 2.0": "MPL-2.0",
}
LICENCE_FILES = ("LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "LICENCE.md", "COPYING")


def spdx(name: str) -> str:
    """Return a licence's SPDX id from one of its usual spellings; another name as it is."""
    return _SPELLINGS.get(name.strip().lower(), name.strip())


def package_licence(read: Callable[[str], str | None]) -> str:
    """Return what a package says of its licence: in mix.exs, else in its licence file.

    Args:
        read: From a name below the package's folder to the text, None where there is no such file.
    """
    named = _NAMED.search(read("mix.exs") or "")
    if named:
        return " AND ".join(map(spdx, _QUOTED.findall(named[1])))
    for name in LICENCE_FILES:
        text = read(name)
        if text:
            plain = " ".join(text.split())
            for found, phrases in _TEXTS:
                if all(phrase.lower() in plain.lower() for phrase in phrases):
                    return found
    return ""


def hex_licence(metadata: str) -> str:
    """Return what the metadata of a Hex archive says."""
    named = _HEX.search(metadata)
    return " AND ".join(map(spdx, re.findall(r'<<"([^"]*)">>', named[1]))) if named else ""


def file_licence(code: str) -> str:
    """Return what a file's own SPDX line says, "" where it has none."""
    named = _FILE.search(code[:2000])
    return named[1] if named else ""
