"""The user's cache: what can be made again, kept because that takes time."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

import platformdirs

PLACE = "ECTRAIN_CACHE"

MOST_BYTES = 4 << 30
MOST_DAYS = 60  # that something is kept without being used


def cache_folder(*parts: str) -> Path:
    """Return a folder in the cache: below `ECTRAIN_CACHE`, else where the system has caches.

    It need not exist, and it may be that nothing can be written there.
    """
    return Path(os.environ.get(PLACE) or platformdirs.user_cache_dir("ectrain"), *parts)


def mark_used(folder: Path) -> None:
    """Note that something kept was used: what is used stays."""
    with contextlib.suppress(OSError):
        os.utime(folder)


def drop_unused(parent: Path, most_bytes: int = MOST_BYTES, most_days: float = MOST_DAYS) -> None:
    """Remove what was not used for long, and the longest unused while there is too much.

    What another process has open stays readable to it.

    Args:
        parent: A folder of folders, each kept or dropped as a whole.
        most_bytes: That may stay; the last used stays whatever its size.
        most_days: Since something was last used.
    """
    now, total = time.time(), 0
    with contextlib.suppress(OSError):
        folders = [path for path in parent.iterdir() if path.is_dir()]
        folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for number, folder in enumerate(folders):
            total += sum(file.stat().st_size for file in folder.iterdir())
            days = (now - folder.stat().st_mtime) / 86400
            if number and (total > most_bytes or days > most_days):
                shutil.rmtree(folder, ignore_errors=True)
