"""Places that compute by themselves: there the file itself is asked, not our reading of it."""

from __future__ import annotations

from pathlib import Path

from albertkit.checkpoints import Format
from albertkit.checkpoints.onnx.format import OnnxFormat
from albertkit.checkpoints.tfhub.format import TfHubFormat
from albertkit.engine.protocol import Engine, Precision
from albertkit.spec import Weights


def engine_of(target: Format, place: Path, weights: Weights) -> Engine | None:
    """The engine that runs what lies at `place`; None where it holds weights alone."""
    if isinstance(target, TfHubFormat):
        from albertkit.conversion.saved_encoder_engine import SavedEncoderEngine

        return SavedEncoderEngine(weights, place)
    if not isinstance(target, OnnxFormat):
        return None
    from albertkit.engine.onnx_engine import OnnxEngine  # and with it OpenVINO

    precision: Precision = "int8" if target.is_rounded else "float32"
    return OnnxEngine(weights, place / target.file, precision=precision)
