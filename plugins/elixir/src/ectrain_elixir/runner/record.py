"""The record of a run: framed, authenticated, and read so that any damage is an error.

A frame is `ECT1`, the payload's length, the payload and its MAC; a payload is a count and that many
fields, each behind its length; lengths and counts are 32 bits, big-endian. The harness sends a
"ready" frame before it loads the program and one "result" frame when all is done.

The MAC is HMAC-MD5: the harness may only use functions that the program cannot replace, and of the
hashes only MD5 is built into the virtual machine. Forging it within a run's seconds would need the
key, for which collisions are of no use.
"""

import hashlib
import hmac
import struct
from collections.abc import Sequence

import attrs

KEY_BYTES = 64
_MAGIC = b"ECT1"
_MAC_BYTES = 16
_STATES = frozenset({"passed", "failed", "skipped"})
_PHASES = frozenset({"candidate", "tests", "canary", "integrity", "run"})


class RecordError(Exception):
    """The record is not one that the harness wrote."""


@attrs.frozen
class Result:
    """What the harness says: the phase that ended the run, the first failure, states by test."""

    phase: str
    kind: str
    message: str
    canary: tuple[tuple[str, str], ...] = ()
    tests: tuple[tuple[str, str], ...] = ()


@attrs.frozen
class Record:
    """Everything the record pipe gave: no frame, "ready", or "ready" and a result."""

    ready: str | None = None
    result: Result | None = None


def mac(key: bytes, payload: bytes) -> bytes:
    """Return the HMAC-MD5 of a payload under a key of `KEY_BYTES` bytes."""
    inner = hashlib.md5(bytes(k ^ 0x36 for k in key) + payload, usedforsecurity=False).digest()
    outer = hashlib.md5(bytes(k ^ 0x5C for k in key) + inner, usedforsecurity=False)
    return outer.digest()


def pack(fields: Sequence[bytes]) -> bytes:
    """Return a payload."""
    parts = [struct.pack(">I", len(fields))]
    for field in fields:
        parts += [struct.pack(">I", len(field)), field]
    return b"".join(parts)


def frame(key: bytes, fields: Sequence[bytes]) -> bytes:
    """Return a frame, as the harness writes it."""
    payload = pack(fields)
    return _MAGIC + struct.pack(">I", len(payload)) + payload + mac(key, payload)


def read(data: bytes, key: bytes) -> Record:
    """Return what a record says.

    Raises:
        RecordError: If a byte of it is not what the harness writes.
    """
    frames = []
    while data:
        fields, data = _next_frame(data, key)
        frames.append(fields)
    if not frames:
        return Record()
    if len(frames[0]) != 2 or frames[0][0] != "ready" or len(frames) > 2:
        raise RecordError("the frames are not those of one run")
    if len(frames) == 1:
        return Record(ready=frames[0][1])
    return Record(ready=frames[0][1], result=_result(frames[1]))


def _next_frame(data: bytes, key: bytes) -> tuple[list[str], bytes]:
    if len(data) < 8 or data[:4] != _MAGIC:
        raise RecordError("something else than a frame was written")
    end = 8 + int(struct.unpack(">I", data[4:8])[0])
    payload, found, rest = data[8:end], data[end : end + _MAC_BYTES], data[end + _MAC_BYTES :]
    if len(found) < _MAC_BYTES:
        raise RecordError("a frame is cut short")
    if not hmac.compare_digest(found, mac(key, payload)):
        raise RecordError("a frame's code does not fit its content")
    return _unpack(payload), rest


def _unpack(payload: bytes) -> list[str]:
    fields: list[str] = []
    at = 4
    while at < len(payload):
        size = int.from_bytes(payload[at : at + 4], "big")
        field = payload[at + 4 : at + 4 + size]
        if len(field) != size:
            raise RecordError("a field is cut short")
        fields.append(field.decode("utf-8", errors="replace"))
        at += 4 + size
    if len(payload) < 4 or len(fields) != int.from_bytes(payload[:4], "big"):
        raise RecordError("the number of fields is wrong")
    return fields


def _result(fields: list[str]) -> Result:
    if len(fields) < 7 or fields[0] != "result" or fields[-1] != "end" or fields[1] not in _PHASES:
        raise RecordError("the result is not complete")
    canary, rest = _states(fields[4:-1])
    tests, rest = _states(rest)
    if rest:
        raise RecordError("the result has a tail")
    return Result(phase=fields[1], kind=fields[2], message=fields[3], canary=canary, tests=tests)


def _states(fields: list[str]) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    if not fields or not fields[0].isascii() or not fields[0].isdigit():
        raise RecordError("a list of tests has no length")
    size = int(fields[0])
    names, states, rest = fields[1::2][:size], fields[2::2][:size], fields[1 + 2 * size :]
    if len(states) != size or not _STATES.issuperset(states):
        raise RecordError("a list of tests is damaged")
    return tuple(zip(names, states, strict=True)), rest
