"""What tests of int8 share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from albertkit.engine.openvino import engine as openvino_engine
from albertkit.engine.processor import detect_processor


@pytest.fixture
def processor_without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a processor has bfloat16, an engine in int8 computes all else in that.

    Nothing is then what a scheme done by hand gives to 1e-5, and a model that is made to be just
    good enough is not. That case is held by test_engine_and_model.py, on such a processor.
    """
    plain = replace(detect_processor(), bfloat16=False)
    monkeypatch.setattr(openvino_engine, "detect_processor", lambda: plain)
