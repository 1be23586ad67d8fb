"""transformers' ALBERT with given weights: the library that everybody trusts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers

from albertkit.arrays import FloatArray
from albertkit.spec import Weights, head


def transformers_model(weights: Weights, architecture: str = "AlbertModel") -> torch.nn.Module:
    """The class `architecture` of transformers in eval, holding exactly `weights`."""
    torch.set_num_threads(1)
    settings: dict[str, Any] = {**weights.config.to_dict()}
    config = transformers.AlbertConfig(**settings)
    kind = getattr(transformers, architecture)
    model = kind(config, **({"add_pooling_layer": weights.has_pooler} if _is_bare(kind) else {}))
    own = ("predictions.", *(f"{head(name).prefix}." for name in weights.heads))
    if hasattr(model, "predictions"):  # transformers' config has one epsilon for all norms
        model.predictions.LayerNorm.eps = weights.config.prediction_eps
    prefix = "" if _is_bare(kind) else "albert."
    state = {
        name if name.startswith(own) else f"{prefix}{name}": torch.tensor(array)
        for name, array in weights.arrays.items()
    }
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected
    assert set(missing) <= {
        "predictions.decoder.weight",
        "predictions.decoder.bias",
    }, missing
    model.tie_weights()
    return model.eval()


def _is_bare(kind: type) -> bool:
    return kind is transformers.AlbertModel


def ask(
    model: torch.nn.Module,
    ids: npt.NDArray[np.integer[Any]],
    type_ids: npt.NDArray[np.integer[Any]],
) -> dict[str, FloatArray]:
    """What `model` gives for one text, alone and without padding: output name → array."""
    with torch.no_grad():
        outputs = model(
            input_ids=torch.tensor(ids[None], dtype=torch.long),
            token_type_ids=torch.tensor(type_ids[None], dtype=torch.long),
        )
    return {
        name: value[0].numpy() for name, value in outputs.items() if isinstance(value, torch.Tensor)
    }
