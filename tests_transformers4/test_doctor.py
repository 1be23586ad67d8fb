"""The last transformers 4: its real messages are recognised, and its directories are healthy."""

from __future__ import annotations

import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import transformers
from tests.support.tiny_models import PIECES

from albertkit.doctor import diagnose
from albertkit.doctor.messages import diagnose_message

CONFIG = transformers.AlbertConfig(
    vocab_size=1000,
    embedding_size=16,
    hidden_size=32,
    num_attention_heads=4,
    num_hidden_layers=2,
    intermediate_size=37,
)


def first_code(call: Callable[[], object]) -> str:
    try:
        call()
    except Exception:
        return diagnose_message(traceback.format_exc())[0].code
    pytest.fail("the call raised nothing")


def test_a_directory_without_vocabulary_is_recognised(tmp_path: Path) -> None:
    transformers.AlbertModel(CONFIG).save_pretrained(tmp_path)
    call = lambda: transformers.AlbertTokenizer.from_pretrained(tmp_path)  # noqa: E731
    assert first_code(call) in ("tokenizer-without-vocabulary", "name-or-network")


@pytest.mark.parametrize("name", ["AlbertModel", "AlbertForMaskedLM", "AlbertForPreTraining"])
def test_what_transformers_4_writes_raises_no_alarm(name: str, tmp_path: Path) -> None:
    getattr(transformers, name)(CONFIG).save_pretrained(tmp_path / "model")
    shutil.copy(PIECES, tmp_path / "model" / "spiece.model")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "model", model_max_length=512)
    tokenizer.save_pretrained(tmp_path / "model")
    alarms = [d.line() for d in diagnose(tmp_path / "model") if d.severity != "note"]
    assert [line for line in alarms if not line.endswith("[head-untrained]")] == []


def test_a_missing_sentencepiece_is_recognised(tmp_path: Path) -> None:
    """In a process that sees every installed package but this one."""
    installed = [Path(name) for name in sys.path if any(Path(name).glob("*.dist-info"))]
    for path in (path for directory in installed for path in directory.iterdir()):
        if "sentencepiece" not in path.name and not (tmp_path / path.name).exists():
            (tmp_path / path.name).symlink_to(path)
    code = f"""import sys; sys.path.append({str(tmp_path)!r})
from transformers import AlbertTokenizer; AlbertTokenizer.from_pretrained("albert-base-v2")"""
    result = subprocess.run(  # noqa: S603
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert diagnose_message(result.stderr)[0].code == "sentencepiece-missing"
