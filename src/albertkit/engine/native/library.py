"""The compiled library: where it is, what it can compute here, and its C interface by ctypes.

The library is optional: a package that was installed without a compiler has none.
Source of the interface: native/albertkit.h.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import os
from ctypes import POINTER, c_char_p, c_float, c_int32, c_int64, c_void_p
from pathlib import Path

from albertkit.engine.protocol import Precision
from albertkit.errors import InputError, ResourceError

LOGGER = logging.getLogger(__name__)

LIBRARY = Path(__file__).with_name("albertkit_native.so")
VERSION = 1  # of the C interface
ISA_VARIABLE = "ALBERTKIT_ISA"
# The fastest first.
INSTRUCTION_SETS = ("avx512_bf16", "avx512_vnni", "avx512", "avx2")
PRECISION_NUMBERS: dict[Precision, int] = {"float32": 0, "bfloat16": 1, "int8": 2}


class NativeConfig(ctypes.Structure):
    """AlbertkitConfig of native/albertkit.h."""

    _fields_ = (
        ("embedding_size", c_int32),
        ("hidden_size", c_int32),
        ("heads", c_int32),
        ("intermediate_size", c_int32),
        ("layers", c_int32),
        ("steps", c_int32),
        ("activation", c_int32),
        ("precision", c_int32),
        ("eps", c_float),
        ("threads", c_int32),
    )


@functools.cache
def native_library() -> ctypes.CDLL:
    """Load the library.

    Returns:
        The library, whose functions check nothing.

    Raises:
        ResourceError: [engine-unavailable] if it was not built, or is another version's.
    """
    if not LIBRARY.is_file():
        raise _unavailable("the package was installed without a C++ compiler")
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except OSError as error:
        raise _unavailable(str(error)) from error
    if library.albertkit_version() != VERSION:
        raise _unavailable("the compiled library is of another version of albertkit")
    library.albertkit_supports.argtypes = [c_char_p]
    library.albertkit_computes.argtypes = [c_char_p, c_int32]
    library.albertkit_create.argtypes = [
        c_char_p,
        POINTER(NativeConfig),
        c_void_p,
        POINTER(c_void_p),
    ]
    library.albertkit_create.restype = c_void_p
    library.albertkit_run.argtypes = [
        c_void_p,
        c_int64,
        c_void_p,
        c_void_p,
        c_void_p,
        c_void_p,
        c_void_p,
        c_int64,
        c_void_p,
    ]
    library.albertkit_reset_after_fork.argtypes = [c_void_p]
    library.albertkit_reset_after_fork.restype = None
    library.albertkit_destroy.argtypes = [c_void_p]
    library.albertkit_destroy.restype = None
    return library


def choose_instruction_set(precision: Precision) -> str:
    """Choose the fastest instruction set of this processor for a precision.

    The environment variable ALBERTKIT_ISA forces one, for tests and benchmarks.

    Raises:
        InputError: [option-invalid] if ALBERTKIT_ISA cannot be used.
        ResourceError: [engine-unavailable] if there is no library, or no instruction set.
    """
    library = native_library()
    forced = os.environ.get(ISA_VARIABLE)
    if forced:
        usable = [isa for isa in INSTRUCTION_SETS if _is_usable(library, isa, precision)]
        if forced not in usable:
            raise InputError(
                "option-invalid",
                f"{ISA_VARIABLE} is {forced!r}",
                why=f"in {precision} this processor can use {', '.join(usable) or 'none'}",
                fix=f"Take one of these, or unset {ISA_VARIABLE}",
            )
        return forced
    for isa in INSTRUCTION_SETS:
        if _is_usable(library, isa, precision):
            return isa
    raise _unavailable(f"this processor has no instructions for {precision} that it knows")


def can_compute(precision: Precision) -> bool:
    """Whether there is a library, and an instruction set of this processor for the precision."""
    try:
        return bool(list_instruction_sets(precision))
    except ResourceError as error:
        _log_missing(error.diagnostic.why)
        return False


@functools.cache
def _log_missing(why: str) -> None:
    LOGGER.info("another engine computes in place of the native one: %s", why)


def list_instruction_sets(precision: Precision) -> list[str]:
    """The instruction sets of this processor that compute a precision, the fastest first."""
    library = native_library()
    return [isa for isa in INSTRUCTION_SETS if _is_usable(library, isa, precision)]


def _is_usable(library: ctypes.CDLL, isa: str, precision: Precision) -> bool:
    name = isa.encode()
    return bool(
        library.albertkit_supports(name)
        and library.albertkit_computes(name, PRECISION_NUMBERS[precision])
    )


def _unavailable(why: str) -> ResourceError:
    return ResourceError(
        "engine-unavailable",
        "the native engine cannot be used",
        why=why,
        fix="Install g++ and reinstall albertkit, or use another engine",
    )
