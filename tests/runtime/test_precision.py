"""The precision is the one asked for, the processor's best, or a line that says why not."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.tiny_models import save_tiny

from albertkit.engine.precision import PrecisionName
from albertkit.engine.processor import Processor
from albertkit.errors import InputError
from albertkit.runtime import EngineName, load
from albertkit.runtime.choose_engine import choose_precision, detect_local_processor

OLD = Processor("an old one", False, frozenset({"avx2"}))
NEW = Processor("a new one", True, frozenset({"avx512_vnni"}))
UNKNOWN = Processor("an unknown one", False, None)


def test_auto_is_bfloat16_where_the_processor_has_it_and_never_int8() -> None:
    assert choose_precision("auto", "openvino", lambda: NEW).precision == "bfloat16"
    assert choose_precision("auto", processor=lambda: OLD).precision == "float32"
    reason = choose_precision("auto", processor=lambda: OLD).line()
    assert reason == "float32, since an old one has no bfloat16 instructions"


@pytest.mark.parametrize("name", ["bfloat16", "int8"])
def test_a_precision_that_the_processor_lacks_is_refused_by_its_name(name: PrecisionName) -> None:
    assert choose_precision(name, "native", lambda: NEW).precision == name
    with pytest.raises(InputError, match=rf"'{name}'; an old one has no {name} .*\[precision-uns"):
        choose_precision(name, processor=lambda: OLD)


def test_an_unknown_processor_is_taken_to_have_int8() -> None:
    assert choose_precision("int8", "native", lambda: UNKNOWN).precision == "int8"


def test_numpy_computes_in_float32_only() -> None:
    assert choose_precision("auto", "numpy", lambda: NEW).precision == "float32"
    with pytest.raises(InputError, match=r"numpy computes in float32 only.*\[option-invalid\]"):
        choose_precision("bfloat16", "numpy", lambda: NEW)


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_only_the_native_engine_has_int8(engine: EngineName) -> None:
    assert choose_precision("bfloat16", engine, lambda: NEW).precision == "bfloat16"
    with pytest.raises(InputError, match=rf"{engine} computes in float32 and bfloat16 only.*-inv"):
        choose_precision("int8", engine, lambda: NEW)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(InputError, match=r"'float16'.*'bfloat16', 'int8'.*\[option-invalid\]"):
        choose_precision("float16")  # type: ignore[arg-type]  # that is the test


def test_the_choice_of_auto_is_logged_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save_tiny(tmp_path / "model")
    with caplog.at_level(logging.INFO):
        caplog.clear()
        load(path)
        assert not caplog.messages
        load(path, precision="auto")
    (message,) = caplog.messages
    assert detect_local_processor().describe_bfloat16() in message


def test_float32_asks_no_processor(tmp_path: Path) -> None:
    path = save_tiny(tmp_path / "model")
    code = (
        "import albertkit, sys\n"
        f"albertkit.load({str(path)!r}, precision='float32')\n"
        "assert 'openvino' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
