"""The wire to a worker: requests of fields, answers that are authenticated, any damage an error.

Each way, a packet is its length in 32 bits, big-endian, and that many bytes. A request is a count
and that many fields, each behind its length; its first field is a key that no other request has. An
answer is JSON and its MAC under that key.

The MAC is HMAC-MD5: the worker may only use functions that a program cannot replace, and of the
hashes only MD5 is built into the virtual machine. Forging it within a run's seconds would need the
key, for which collisions are of no use.
"""

import hashlib
import hmac
import json
import secrets
import struct
from collections.abc import Sequence
from typing import Any

KEY_BYTES = 64
MAC_BYTES = 16
MOST_BYTES = 64 << 20


class WireError(Exception):
    """An answer is not one that the worker wrote."""


def new_key() -> bytes:
    """Return a key for one request."""
    return secrets.token_bytes(KEY_BYTES)


def mac(key: bytes, payload: bytes) -> bytes:
    """Return the HMAC-MD5 of a payload under a key of `KEY_BYTES` bytes."""
    inner = hashlib.md5(bytes(k ^ 0x36 for k in key) + payload, usedforsecurity=False).digest()
    outer = hashlib.md5(bytes(k ^ 0x5C for k in key) + inner, usedforsecurity=False)
    return outer.digest()


def packet(body: bytes) -> bytes:
    """Return bytes behind their length."""
    return struct.pack(">I", len(body)) + body


def request(fields: Sequence[str | bytes]) -> bytes:
    """Return a request's packet; text that is no Unicode is sent as it is."""
    parts = [struct.pack(">I", len(fields))]
    for field in fields:
        data = field if isinstance(field, bytes) else field.encode("utf-8", "surrogatepass")
        parts.append(packet(data))
    return packet(b"".join(parts))


def answer(key: bytes, content: dict[str, Any]) -> bytes:
    """Return an answer's packet, as the worker writes it."""
    payload = json.dumps(content).encode()
    return packet(payload + mac(key, payload))


def opened(key: bytes, body: bytes) -> dict[str, Any]:
    """Return what an answer says.

    Raises:
        WireError: If a byte of it is not what the worker writes under this key.
    """
    payload, code = body[:-MAC_BYTES], body[-MAC_BYTES:]
    if len(body) < MAC_BYTES or not hmac.compare_digest(code, mac(key, payload)):
        raise WireError("an answer's code does not fit its content")
    try:
        content = json.loads(payload)
    except ValueError as error:
        raise WireError(f"an answer is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise WireError("an answer is not an object")
    return content


class Packets:
    """Cut a stream of bytes into packets, however the bytes arrive."""

    def __init__(self) -> None:
        self._left = bytearray()

    def add(self, data: bytes) -> list[bytes]:
        """Return the bodies that are complete now.

        Raises:
            WireError: If a packet says that it is larger than `MOST_BYTES`.
        """
        self._left += data
        found = []
        while len(self._left) >= 4:
            size = int.from_bytes(self._left[:4], "big")
            if size > MOST_BYTES:
                raise WireError("something else than an answer was written")
            if len(self._left) < 4 + size:
                break
            found.append(bytes(self._left[4 : 4 + size]))
            del self._left[: 4 + size]
        return found

    @property
    def complete(self) -> bool:
        """Whether nothing is left of a packet that did not end."""
        return not self._left
