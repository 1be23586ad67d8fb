"""Peers that are given padded batches: the longest texts first, 32 a batch, as users do it.

The files that they open are made by `race.export`.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from pathlib import Path

import numpy as np

from race.runner import Encoder, Vectors, longest, normalize_if_asked

BATCH = 32
HINTS = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}


class Padded(Encoder):
    """Tokenizes, sorts, pads and averages; a subclass runs the model."""

    def __init__(self, directory: Path) -> None:
        from tokenizers import Tokenizer

        self.directory = directory
        self.tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
        self.tokenizer.enable_truncation(longest(directory))

    @abstractmethod
    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """ids, mask: [B, S]. Returns token vectors [B, S, H]."""

    def encode(self, texts: list[str]) -> Vectors:
        ids = [values.ids for values in self.tokenizer.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda text: -len(ids[text]))
        parts = [self._means([ids[t] for t in order[start : start + BATCH]])
                 for start in range(0, len(order), BATCH)]  # fmt: skip
        means = np.concatenate(parts)
        vectors = np.empty_like(means)
        vectors[order] = means
        return normalize_if_asked(vectors, self.directory)

    def _means(self, batch: list[list[int]]) -> Vectors:
        width = max(map(len, batch))
        ids, mask = np.zeros((2, len(batch), width), np.int64)  # [B, S] each
        for row, own in enumerate(batch):
            ids[row, : len(own)] = own
            mask[row, : len(own)] = 1
        tokens = self.run(ids, mask)
        shares = (mask / mask.sum(1, keepdims=True)).astype(np.float32)
        return np.einsum("bsh,bs->bh", tokens, shares)


class OpenVino(Padded):
    def __init__(self, directory: Path, threads: int, precision: str) -> None:
        super().__init__(directory)
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # it calls home
        import openvino

        file = "model_ov_int8.xml" if precision == "int8" else "model_ov.xml"
        settings = {
            "INFERENCE_PRECISION_HINT": HINTS[precision],
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
        }
        compiled = openvino.Core().compile_model(directory / file, "CPU", settings)
        self.request = compiled.create_infer_request()

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        self.request.infer({"input_ids": ids, "attention_mask": mask}, share_inputs=True)
        return self.request.get_output_tensor(0).data


class OnnxRuntime(Padded):
    def __init__(self, directory: Path, threads: int, precision: str) -> None:
        super().__init__(directory)
        import onnxruntime

        file = "model_int8.onnx" if precision == "int8" else "model_optimised.onnx"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(directory / file, options)

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return self.session.run(None, {"input_ids": ids, "attention_mask": mask})[0]


class CTranslate2(Padded):
    """It takes the padding out again before the layers, and puts it back for attention."""

    def __init__(self, directory: Path, threads: int, precision: str) -> None:
        super().__init__(directory)
        import ctranslate2

        self.from_array = ctranslate2.StorageView.from_array
        folder = str(directory / "ctranslate2")
        self.encoder = ctranslate2.Encoder(folder, compute_type=precision, intra_threads=threads)

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        lengths = self.from_array(mask.sum(1).astype(np.int32))
        given = self.from_array(ids.astype(np.int32))
        return np.array(self.encoder.forward_batch(given, lengths).last_hidden_state)
