"""The compiled library: where it is, what it can compute here, and its C interface by ctypes.

The library is optional: a package that was installed without a compiler has none.
Source of the interface: native/albertkit.h.
"""

from __future__ import annotations

import ctypes
import functools
import os
import platform
from ctypes import POINTER, c_char_p, c_float, c_int32, c_int64, c_void_p
from pathlib import Path

from albertkit.engine.protocol import Precision
from albertkit.errors import InputError, ResourceError

LIBRARY = Path(__file__).with_name("albertkit_native.so")
INTERFACE_VERSION = 1  # of the C interface
ISA_VARIABLE = "ALBERTKIT_ISA"
NO_ISA = "none"  # a value of the variable: this processor has no instruction set of ours
# The fastest first.
INSTRUCTION_SETS = ("avx512_bf16", "avx512_vnni", "avx512", "avx_vnni", "avx2")
X86_64 = ("x86_64", "amd64")
OTHER_PROCESSOR = "It needs an x86-64 processor with AVX2"
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
def load_library() -> ctypes.CDLL:
    """Load the library.

    Returns:
        The library, whose functions check nothing.

    Raises:
        ResourceError: [engine-unavailable] if it was not built, or is another version's.
    """
    if not LIBRARY.is_file():
        raise _unavailable_error(*_explain_absence())
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except OSError as error:
        raise _unavailable_error(str(error)) from error
    if library.albertkit_version() != INTERFACE_VERSION:
        raise _unavailable_error("the compiled library is of another version of albertkit")
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

    The environment variable ALBERTKIT_ISA forces one, for tests and benchmarks; "none" is an old
    processor, for which there is no native engine.

    Raises:
        InputError: [option-invalid] if ALBERTKIT_ISA cannot be used.
        ResourceError: [engine-unavailable] if there is no library, or no instruction set.
    """
    usable = list_instruction_sets(precision)
    forced = os.environ.get(ISA_VARIABLE)
    if forced and forced != NO_ISA:
        if forced not in usable:
            raise InputError(
                "option-invalid",
                f"{ISA_VARIABLE} is {forced!r}",
                why=f"in {precision} this processor can use {', '.join(usable) or 'none'}",
                fix=f"Take one of these, or unset {ISA_VARIABLE}",
            )
        return forced
    if not usable:
        raise _unavailable_error(
            f"this processor has no instructions for {precision} that it knows", OTHER_PROCESSOR
        )
    return usable[0]


def find_obstacle(precision: Precision) -> ResourceError | None:
    """Find out why the library cannot compute a precision here; None if it can.

    Returns:
        [engine-unavailable], to be raised or logged by the caller.
    """
    try:
        choose_instruction_set(precision)
    except ResourceError as error:
        return error
    return None


def list_instruction_sets(precision: Precision) -> list[str]:
    """The instruction sets of this processor that compute a precision, the fastest first."""
    library = load_library()
    if os.environ.get(ISA_VARIABLE) == NO_ISA:
        return []
    return [isa for isa in INSTRUCTION_SETS if _is_usable(library, isa, precision)]


def _is_usable(library: ctypes.CDLL, isa: str, precision: Precision) -> bool:
    name = isa.encode()
    return bool(
        library.albertkit_supports(name)
        and library.albertkit_computes(name, PRECISION_NUMBERS[precision])
    )


def _explain_absence() -> tuple[str, str]:
    """Why there is no library, and what to do."""
    machine = platform.machine()
    if machine.lower() not in X86_64:
        return f"this processor ({machine}) is not an x86-64", OTHER_PROCESSOR
    return (
        "the package was installed without a C++ compiler",
        "Install g++ or clang, then albertkit again",
    )


def _unavailable_error(why: str, fix: str = "Install albertkit again") -> ResourceError:
    return ResourceError("engine-unavailable", "the native engine cannot be used", why=why, fix=fix)
