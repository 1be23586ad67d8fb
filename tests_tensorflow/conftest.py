"""What the tests with TensorFlow share: reference files, and a module that is written once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow chatters while it is imported

import sentencepiece
from tests.support.shared_files import pytest_sessionfinish, shared
from tests.support.tiny_models import PIECES
from tests_tensorflow.written import tiny_weights, write

__all__ = ["pytest_sessionfinish", "shared"]

# keras-hub (0.31, 0.32) calls the constructor by the name it had up to sentencepiece 0.2.1; the
# package needs 0.2.3.
Processor: Any = sentencepiece.SentencePieceProcessor
Processor.Init = Processor.__init__


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module with `.mlm`, dropout, and a preprocessor."""
    return write(tiny_weights(), tmp_path_factory.mktemp("written") / "albert", (PIECES,))
