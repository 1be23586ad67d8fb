"""What a processor is taken to do well, from what the system says of it."""

from __future__ import annotations

import pytest

from albertkit.engine.processor import (
    INT8_FLAGS,
    Processor,
    detect_processor,
    parse_cpu_flags,
)

X86 = (
    "processor\t: 0\nflags\t\t: fpu avx2 avx512_vnni\nbugs\t\t:\n\nprocessor\t: 1\nflags\t\t: fpu\n"
)
ARM64 = "processor\t: 0\nFeatures\t: fp asimd asimddp\nCPU part\t: 0xd0c\n"


def test_flags_are_those_of_the_first_processor_by_either_name() -> None:
    assert parse_cpu_flags(X86) == frozenset({"fpu", "avx2", "avx512_vnni"})
    assert parse_cpu_flags(ARM64) == frozenset({"fp", "asimd", "asimddp"})
    assert parse_cpu_flags("hardware\t: a toaster\n") is None


@pytest.mark.parametrize("flag", INT8_FLAGS)
def test_an_int8_instruction_is_named(flag: str) -> None:
    processor = Processor("one", False, frozenset({"fpu", flag}))
    assert processor.int8 is True
    assert processor.describe_bfloat16() == "one has no bfloat16 instructions"
    assert processor.describe_int8() == f"one has int8 instructions ({flag})"


def test_without_one_it_says_so() -> None:
    processor = Processor("one", True, frozenset({"avx2", "avx512f"}))
    assert processor.int8 is False
    assert processor.describe_bfloat16() == "one has bfloat16 instructions"
    assert processor.describe_int8() == "one has no int8 instructions"


def test_an_unknown_processor_is_taken_to_have_one() -> None:
    processor = Processor("one", False, None)
    assert processor.int8 is None
    assert "as this system lists none" in processor.describe_int8()


def test_this_processor_has_a_name() -> None:
    assert detect_processor().name
