"""Files as rows of a table: JSON Lines, or Parquet with the extra `parquet`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from ectrain.errors import ConfigError, DataError, did_you_mean
from ectrain.records import Faults, scan_objects
from ectrain.structure import converter, problems

TABLES = (".jsonl", ".parquet")


def _not_blank(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not value.strip():
        raise DataError(f"{attribute.name}: blank")


@attrs.frozen
class TableRow:
    """A file in a table.

    Attributes:
        code: The text.
        path: Below its package; made up where it is missing.
        package: Whose it is; the table's name where it is missing.
        licence: SPDX id.
        id: Unique in the table, where it is given.
    """

    code: str = attrs.field(validator=_not_blank)
    path: str = ""
    package: str = ""
    licence: str = ""
    id: str = ""


FIELDS = tuple(a.name for a in attrs.fields(TableRow))


def parse_columns(text: str) -> dict[str, str]:
    """Return which column is what, from "code=content,path=file_path".

    Raises:
        ConfigError: Something in it is no pair, or no field that rows have.
    """
    found = {}
    for part in filter(None, text.split(",")):
        field, sign, column = (piece.strip() for piece in part.partition("="))
        if not sign or not column:
            raise ConfigError(f"--columns {part!r}: expected FIELD=COLUMN")
        if field not in FIELDS:
            raise ConfigError(f"--columns: no field {field!r}{did_you_mean(field, FIELDS)}")
        found[field] = column
    if found and "code" not in found:
        raise ConfigError("--columns: which column is the code? add code=COLUMN")
    return found


def read_table(
    path: Path, columns: Mapping[str, str], faults: Faults
) -> Iterator[tuple[int, TableRow]]:
    """Yield the number of each good row, from 1, and the row; bad ones go to `faults`.

    With `columns`, those are read and all others passed over; without, a row has the fields of
    `TableRow` and no others.

    Raises:
        DataError: The table can't be read, or pyarrow is missing.
    """
    rows = _parquet(path, columns) if path.suffix == ".parquet" else scan_objects(path, faults)
    first: dict[str, int] = {}
    for number, data in rows:
        where = f"{path}:{number}"
        try:
            row = converter.structure(_chosen(data, columns), TableRow)
        except Exception as error:
            named = f" (id {data['id']!r:.60})" if isinstance(data.get("id"), str) else ""
            faults.add(*(f"{where}: {problem}{named}" for problem in problems(error)))
            continue
        name = row.id or (row.path and f"{row.package}/{row.path}")
        if name and name in first:
            faults.add(f"{where}: {name!r} is already in row {first[name]}")
            continue
        first[name] = number
        yield number, row


def _chosen(data: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    if not columns:
        return dict(data)
    found = {field: data[name] for field, name in columns.items() if data.get(name) is not None}
    if "code" not in found:
        raise DataError(f"{columns['code']} is missing")
    licence = found.get("licence")
    if isinstance(licence, list) and all(isinstance(name, str) for name in licence):
        found["licence"] = " OR ".join(licence)
    return found


def _parquet(path: Path, columns: Mapping[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            f"{path}: Parquet needs pyarrow; pip install 'ectrain-elixir[parquet]'"
        ) from None
    try:
        with parquet.ParquetFile(path) as file:
            names = set(file.schema_arrow.names)
            missing = [name for name in columns.values() if name not in names]
            if missing:
                raise DataError(
                    f"{path}: no column {missing[0]!r}{did_you_mean(missing[0], names)}"
                )
            number = 0
            for batch in file.iter_batches(500, columns=sorted(columns.values()) or None):
                for row in batch.to_pylist():
                    number += 1
                    yield number, {k: v for k, v in row.items() if v is not None}
    except (arrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: not Parquet that can be read: {error}") from error
