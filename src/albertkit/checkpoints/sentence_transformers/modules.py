"""What makes vectors in a sentence-transformers directory: Pooling, Dense and Normalize folders.

Each folder has a config.json, whose keys changed over the years; a Dense has its tensors too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from albertkit import fileformats
from albertkit.errors import FormatError
from albertkit.fileformats.reader import JsonValue, read_json
from albertkit.fileformats.safetensors import read_safetensors, write_safetensors
from albertkit.fileformats.tensors import Tensors
from albertkit.spec.config_values import Activation
from albertkit.spec.pooling_config import Dense, Normalise, Pooling, VectorStep

DENSE_WEIGHTS = "model.safetensors"
OLD_DENSE_WEIGHTS = "pytorch_model.bin"  # written before version 3
# What `type` ends in; the way to it changed in version 6, the last word never.
ENCODER, POOLING, DENSE, NORMALISE = "Transformer", "Pooling", "Dense", "Normalize"
DROPOUT = "Dropout"  # which changes no vector outside of training
POOLINGS: Mapping[str, Pooling] = MappingProxyType(  # their name → ours
    {
        "mean": "mean",
        "cls": "cls",
        "max": "max",
        "mean_sqrt_len_tokens": "mean_sqrt_len",
        "weightedmean": "weighted_mean",
        "lasttoken": "last",
    }
)
FLAGS = MappingProxyType(  # before version 6: one flag for each way of pooling
    {
        "pooling_mode_cls_token": "cls",
        "pooling_mode_max_tokens": "max",
        "pooling_mode_mean_tokens": "mean",
        "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
        "pooling_mode_weightedmean_tokens": "weightedmean",
        "pooling_mode_lasttoken": "lasttoken",
    }
)
ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {"Tanh": "tanh", "Identity": "identity", "ReLU": "relu", "GELU": "gelu_erf", "SiLU": "silu"}
)
HOME_OF = {"Identity": "linear"}  # the others live in activation
OURS = "sentence_embedding"


def read_pooling(path: Path) -> Pooling:
    """The pooling of a folder's config; raises FormatError [pooling-unsupported]."""
    settings = read_json(path)
    mode = settings.get("pooling_mode")
    asked = mode if isinstance(mode, list) else [mode] if mode else _modes_of_flags(settings)
    if len(asked) != 1 or str(asked[0]) not in POOLINGS:
        raise unknown(
            f"the pooling is {' + '.join(map(str, asked))}",
            f"supported is one of {', '.join(POOLINGS)}",
            path,
        )
    if settings.get("include_prompt") is False:
        raise unknown("the pooling leaves prompts out", "only whole texts are pooled here", path)
    return POOLINGS[str(asked[0])]


def _modes_of_flags(settings: Mapping[str, JsonValue]) -> list[JsonValue]:
    return [mode for flag, mode in FLAGS.items() if settings.get(flag)] or ["mean"]


def read_step(kind: str, folder: Path) -> VectorStep:
    """Read one module after the pooling: Dense or Normalize."""
    path = folder / "config.json"
    # before version 5.2 Normalize had no file of its own
    settings = read_json(path) if kind != NORMALISE or path.is_file() else {}
    if any(
        settings.get(end, OURS) not in (OURS, None)
        for end in ("module_input_name", "module_output_name")
    ):
        raise unknown(f"a {kind} reads or writes token vectors", "only text vectors are made", path)
    if kind == NORMALISE:
        return Normalise()
    if kind != DENSE:
        raise unknown(f"it lists a module {kind!r}", "known are Dense and Normalize", folder)
    if settings.get("use_residual"):
        raise unknown("a Dense adds its input to its output", "only plain ones are known", path)
    named = str(settings.get("activation_function", "torch.nn.Tanh")).rpartition(".")[2]
    if named not in ACTIVATIONS:
        raise unknown(f"the activation is {named}", f"known are {', '.join(ACTIVATIONS)}", path)
    return _read_dense(folder, ACTIVATIONS[named])


def _read_dense(folder: Path, activation: Activation) -> Dense:
    path = folder / DENSE_WEIGHTS
    arrays: Tensors
    if not path.is_file() and (folder / OLD_DENSE_WEIGHTS).is_file():
        path = folder / OLD_DENSE_WEIGHTS
        arrays = fileformats.read_torch(path)
    else:
        arrays = read_safetensors(path)
    extra = set(arrays) - {"linear.weight", "linear.bias"}
    weight = arrays.get("linear.weight")
    bias = arrays.get("linear.bias")
    if (
        extra
        or weight is None
        or weight.ndim != 2
        or (bias is not None and bias.shape != weight.shape[:1])
    ):
        raise FormatError(
            "checkpoint-shape-mismatch",
            f"its tensors are {', '.join(sorted(arrays))}",
            why="a Dense has linear.weight [out, in] and perhaps linear.bias [out]",
            fix="Copy or download it again",
            where=str(path),
        )
    return Dense(weight, bias, activation)


def write_pooling(folder: Path, pooling: Pooling, width: int) -> None:
    """Write the directory of the Pooling module."""
    folder.mkdir(exist_ok=True)
    flags = {flag: POOLINGS[mode] == pooling for flag, mode in FLAGS.items()}
    write_json(
        folder / "config.json", {"word_embedding_dimension": width, **flags, "include_prompt": True}
    )


def write_step(folder: Path, step: VectorStep) -> None:
    """Write the directory of a Dense or Normalize module."""
    folder.mkdir(exist_ok=True)
    if isinstance(step, Normalise):
        write_json(folder / "config.json", {})
        return
    arrays = {"linear.weight": step.weight}
    if step.bias is not None:
        arrays["linear.bias"] = step.bias
    write_safetensors(folder / DENSE_WEIGHTS, arrays)
    named = next(name for name, activation in ACTIVATIONS.items() if activation == step.activation)
    write_json(
        folder / "config.json",
        {
            "in_features": step.weight.shape[1],
            "out_features": step.weight.shape[0],
            "bias": step.bias is not None,
            "activation_function": f"torch.nn.modules.{HOME_OF.get(named, 'activation')}.{named}",
        },
    )


def write_json(path: Path, value: object) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def unknown(what: str, why: str, path: Path) -> FormatError:
    """Make the error for a module or setting that is not supported."""
    return FormatError(
        "pooling-unsupported",
        what,
        why=why,
        fix="Open the encoder alone and pool as you need it, or save the model in another form",
        where=str(path),
    )
