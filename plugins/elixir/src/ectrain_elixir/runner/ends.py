"""Ends of pipes that are closed exactly once, whoever comes first."""

import contextlib
import os


class End:
    """A file descriptor with an owner."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._open = True

    def close(self) -> None:
        """Close it, unless that was done before."""
        if self._open:
            self._open = False
            os.close(self.fd)


def pipe(stack: contextlib.ExitStack) -> tuple[End, End]:
    """Return the reading and the writing end of a pipe, closed at the latest with the stack."""
    read, write = os.pipe()
    ends = End(read), End(write)
    for end in ends:
        stack.callback(end.close)
    return ends


def memory_file(stack: contextlib.ExitStack, data: bytes) -> int:
    """Return a file descriptor from which a child process can read data; Linux only."""
    fd = os.memfd_create("ectrain")
    stack.callback(os.close, fd)
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
