"""Write every page of the reference that differs from the code."""

from __future__ import annotations

import sys

from docs.generate import FOLDER, PAGES, page

for name in PAGES:
    text, path = page(name), FOLDER / name
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"written {path}\n")
