from __future__ import annotations

import io
import json
import struct
from pathlib import Path

from albertkit.fileformats.protobuf import Message
from albertkit.fileformats.tensorflow.crc32c import crc32c, mask_checksum
from albertkit.training.metrics_log import MetricsLog


def test_a_number_that_is_not_finite_is_null(tmp_path: Path) -> None:
    MetricsLog(tmp_path).write({"step": 1, "loss": float("nan"), "norm": float("inf"), "rate": 0.5})
    line = (tmp_path / "metrics.jsonl").read_text()
    assert json.loads(line) == {"step": 1, "loss": None, "norm": None, "rate": 0.5}
    assert "NaN" not in line


def test_lines_after_the_last_checkpoint_and_broken_ones_are_removed(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path)
    for step in (1, 2, 3):
        log.write({"step": step})
    with log.path.open("a") as file:
        file.write('{"step": 4, "lo')  # the process died here
    log = MetricsLog(tmp_path)
    log.remove_after(2)
    log.write({"step": 3, "again": 1})
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert lines == [{"step": 1}, {"step": 2}, {"step": 3, "again": 1}]
    assert read_events(log.event_path) == [(0, {}), (1, {}), (2, {}), (3, {"again": 1})]


def test_tensorboards_records_hold_the_finite_numbers(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path)
    log.write({"step": 300, "tokens": 7, "loss": 0.25, "norm": float("nan")})
    log.write({"step": 600, "valid_loss": -1.5})
    assert read_events(log.event_path) == [
        (0, {}),
        (300, {"tokens": 7, "loss": 0.25}),
        (600, {"valid_loss": -1.5}),
    ]
    data = log.event_path.read_bytes()
    version = Message(data[12 : 12 + int.from_bytes(data[:8], "little")], "events", "Event")
    assert version.text(3) == "brain.Event:2"


def read_events(path: Path) -> list[tuple[int, dict[str, float]]]:
    """The steps and scalars of an event file, after its checksums were compared."""
    reader = io.BytesIO(path.read_bytes())
    events = []
    while head := reader.read(12):
        length, checksum = struct.unpack("<QI", head)
        record, own = reader.read(length), reader.read(4)
        assert checksum == mask_checksum(crc32c(head[:8]))
        assert own == struct.pack("<I", mask_checksum(crc32c(record)))
        event = Message(record, str(path), "Event")
        values = event.message(5).messages(1) if 5 in event else ()
        scalars = {v.text(1): struct.unpack("<f", v.record(2))[0] for v in values}
        events.append((event.int64(2), scalars))
    return events
