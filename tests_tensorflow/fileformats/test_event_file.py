"""TensorFlow reads our event files."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from albertkit.training.metrics_log import MetricsLog


def test_tensorflow_reads_the_scalars_of_each_step(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path)
    log.write({"step": 50, "tokens": 12_345, "loss": 2.5, "norm": float("inf")})
    log.write({"step": 100, "valid_loss": -0.125})
    events = list(tf.compat.v1.train.summary_iterator(str(log.event_path)))
    assert events[0].file_version == "brain.Event:2"
    assert all(event.wall_time == pytest.approx(events[0].wall_time, abs=60) for event in events)
    scalars = [(e.step, {v.tag: v.simple_value for v in e.summary.value}) for e in events[1:]]
    assert scalars == [(50, {"tokens": 12_345, "loss": 2.5}), (100, {"valid_loss": -0.125})]
