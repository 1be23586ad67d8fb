"""Peers that compute in torch: sentence-transformers, a pipeline, a compiled model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from race.padded_peers import Padded
from race.runner import Encoder, Vectors, longest, normalize_if_asked


class SentenceTransformers(Encoder):
    """The library as its page says: a list in, batches of 32, sorted by length, padded."""

    def __init__(self, directory: Path, threads: int) -> None:
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        self.model = SentenceTransformer(str(directory), device="cpu")

    def encode(self, texts: list[str]) -> Vectors:
        return self.model.encode(texts, show_progress_bar=False)


class Pipeline(Encoder):
    """`feature-extraction` over a list, one text a call and nothing padded; the caller averages."""

    def __init__(self, directory: Path, threads: int) -> None:
        from transformers import pipeline

        torch.set_num_threads(threads)
        self.directory = directory
        cut = {"truncation": True, "max_length": longest(directory)}
        self.pipeline = pipeline(
            "feature-extraction",
            model=str(directory),
            device="cpu",
            return_tensors=True,
            tokenize_kwargs=cut,
        )

    def encode(self, texts: list[str]) -> Vectors:
        means = [tokens[0].numpy().mean(0) for tokens in self.pipeline(texts)]
        return normalize_if_asked(np.stack(means), self.directory)


class Compiled(Padded):
    """AlbertModel through torch.compile, for any length of text."""

    def __init__(self, directory: Path, threads: int) -> None:
        from transformers import AutoModel

        super().__init__(directory)
        torch.set_num_threads(threads)
        model = AutoModel.from_pretrained(directory, dtype=torch.float32).eval()
        self.model = torch.compile(model, dynamic=True)

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            given = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
            return self.model(**given).last_hidden_state.numpy()
