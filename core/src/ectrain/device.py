"""Where a run computes, in which number format, and with which memory settings."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys

import attrs
import torch

from ectrain.config import DeviceConfig
from ectrain.errors import ConfigError, ResourceError


@attrs.frozen
class Place:
    """A device and the format that the trunk computes in there."""

    device: torch.device
    dtype: torch.dtype

    @property
    def dtype_name(self) -> str:
        """The format as the configuration writes it."""
        return str(self.dtype).removeprefix("torch.")


def choose_place(config: DeviceConfig) -> Place:
    """Return where to compute.

    Raises:
        ConfigError: torch knows no such device.
        ResourceError: The device isn't there; the way out is named.
    """
    device = _device(config.name)
    dtype = torch.float32
    if config.dtype == "bfloat16" or (config.dtype == "auto" and has_bfloat16(device)):
        dtype = torch.bfloat16
    return Place(device, dtype)


def _device(name: str) -> torch.device:
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device {name!r}: expected auto, cpu, cuda, cuda:N or mps") from None
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": _has_mps()}
    if not there.get(device.type, False):
        raise ResourceError(
            f"device {name!r} is not on this machine, or this build of torch can't use it; "
            "choose --device cpu or auto"
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ResourceError(f"device {name!r}: there are {torch.cuda.device_count()} of them")
    return device


def _has_mps() -> bool:
    return bool(torch.backends.mps.is_available())


def has_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 in hardware: elsewhere it is far slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return any(getattr(torch.cpu, f"_is_{unit}_supported")() for unit in _BFLOAT16_UNITS)
    return False


_BFLOAT16_UNITS = ("avx512_bf16", "amx_tile")


def prepare_process(config: DeviceConfig) -> None:
    """Set what the whole process computes with: threads, and the allocator's habits."""
    if config.threads:
        torch.set_num_threads(config.threads)
    if config.keep_memory and sys.platform == "linux":
        _keep_memory()


WORTH_COMPILING = 1e14  # operations: some ten minutes of two processor cores


def can_gain_by_compiling(config: DeviceConfig, device: torch.device, operations: float) -> bool:
    """Return whether to compile the trunk's layers.

    Args:
        config: What was asked for.
        device: Where it runs.
        operations: Floating-point operations of the whole run, roughly.

    Raises:
        ResourceError: It was asked for, and there is no compiler.
    """
    if config.compile == "off" or (config.compile == "auto" and operations < WORTH_COMPILING):
        return False
    there = can_compile(device)
    if config.compile == "on" and not there:
        raise ResourceError(
            "device.compile is on, and there is no C++ compiler; install g++ or clang++, "
            "or choose device.compile=off"
        )
    return there


def can_compile(device: torch.device) -> bool:
    """Return whether torch has what it compiles code for a device with."""
    return device.type == "cuda" or _cpp_compiler() is not None


def _cpp_compiler() -> str | None:
    """Return the C++ compiler that torch would take."""
    names = (os.environ.get("CXX", ""), "g++", "clang++")
    return next((path for name in names if name and (path := shutil.which(name))), None)


# Parameters of mallopt(3) in glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def _keep_memory() -> None:
    """Let glibc keep freed memory.

    Large activations are otherwise mapped anew in every step, and the kernel zeroes them page by
    page; the price is a process that stays at its peak size.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_TOP_PAD, 64 * 2**20)


def memory_text(device: torch.device) -> str:
    """Return how much memory the device has free, in words."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
    if hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        page = os.sysconf("SC_PAGE_SIZE")
        free, total = (page * os.sysconf(f"SC_{x}_PAGES") for x in ("AVPHYS", "PHYS"))
        return f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
    return "memory unknown"
