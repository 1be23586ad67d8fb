"""What makes vectors in a sentence-transformers directory: the folders of its modules.

Each folder has a config.json, whose keys changed over the years; Dense and LayerNorm have tensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from albertkit import fileformats
from albertkit.checkpoints.huggingface.format import WEIGHTS_FILE
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.reader import JsonValue, read_json
from albertkit.fileformats.safetensors import read_safetensors, write_safetensors
from albertkit.fileformats.tensors import Tensors
from albertkit.spec.pooling_config import (
    Dense,
    DenseActivation,
    LayerNorm,
    Normalize,
    Pooling,
    PoolingConfig,
    VectorStep,
)

OLD_MODULE_WEIGHTS = "pytorch_model.bin"  # written before version 3
# What `type` ends in; the way to it changed in version 6, the last word never.
ENCODER, POOLING, DENSE, NORMALIZE = "Transformer", "Pooling", "Dense", "Normalize"
LAYER_NORM = "LayerNorm"
DROPOUT = "Dropout"  # which changes no vector outside of training
UNSUPPORTED = MappingProxyType(  # modules before the pooling, and why they are not computed
    {
        "WeightedLayerPooling": "it needs the token vectors of all layers, not of the last",
        "CNN": "it is a convolution over token vectors",
        "LSTM": "it is a recurrent network over token vectors",
    }
)
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
MAX_MODES = len(POOLINGS)  # a file may not ask for vectors of any width
FLAGS = MappingProxyType(  # before version 6: a flag for each pooling, in the vectors' order
    {
        "pooling_mode_cls_token": "cls",
        "pooling_mode_max_tokens": "max",
        "pooling_mode_mean_tokens": "mean",
        "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
        "pooling_mode_weightedmean_tokens": "weightedmean",
        "pooling_mode_lasttoken": "lasttoken",
    }
)
# Classes of torch.nn → ours. sentence-transformers opens each with its default parameters.
TORCH_ACTIVATIONS: Mapping[str, DenseActivation] = MappingProxyType(
    {
        "Tanh": "tanh",
        "Identity": "identity",
        "ReLU": "relu",
        "GELU": "gelu_erf",
        "SiLU": "silu",
        "Sigmoid": "sigmoid",
        "LeakyReLU": "leaky_relu",
        "ELU": "elu",
        "CELU": "elu",  # differs only if alpha is not 1
        "SELU": "selu",
        "ReLU6": "relu6",
        "Hardtanh": "hardtanh",
        "Hardsigmoid": "hardsigmoid",
        "Hardswish": "hardswish",
        "LogSigmoid": "log_sigmoid",
        "Mish": "mish",
        "Softplus": "softplus",
        "Softsign": "softsign",
    }
)
HOME_OF = {"Identity": "linear"}  # the others live in activation
OURS = "sentence_embedding"


def read_pooling(path: Path) -> PoolingConfig:
    """The pooling of a folder's config; raises FormatError [pooling-unsupported]."""
    settings = read_json(path)
    mode = settings.get("pooling_mode")
    asked = mode if isinstance(mode, list) else [mode] if mode else _read_mode_flags(settings)
    modes = tuple(POOLINGS[str(mode)] for mode in asked if str(mode) in POOLINGS)
    if not asked or len(modes) != len(asked) or len(modes) > MAX_MODES:
        raise unsupported_module_error(
            f"the pooling is {' + '.join(map(str, asked[: MAX_MODES + 1]))}",
            f"supported are 1 to {MAX_MODES} of {', '.join(POOLINGS)}",
            path,
        )
    return PoolingConfig(
        pooling=modes[0] if len(modes) == 1 else modes,
        include_prompt=settings.get("include_prompt") is not False,
    )


def _read_mode_flags(settings: Mapping[str, JsonValue]) -> list[JsonValue]:
    return [mode for flag, mode in FLAGS.items() if settings.get(flag)] or ["mean"]


def read_step(kind: str, folder: Path) -> VectorStep:
    """Read one module after the pooling: Dense, LayerNorm or Normalize."""
    path = folder / "config.json"
    # before version 5.2 Normalize had no file of its own
    settings = read_json(path) if kind != NORMALIZE or path.is_file() else {}
    if any(
        settings.get(end, OURS) not in (OURS, None)
        for end in ("module_input_name", "module_output_name")
    ):
        raise unsupported_module_error(
            f"a {kind} reads or writes token vectors", "only text vectors are made", path
        )
    if kind == NORMALIZE:
        return Normalize()
    if kind == LAYER_NORM:
        return _read_layer_norm(folder)
    if kind != DENSE:
        known = f"known are {DENSE}, {LAYER_NORM} and {NORMALIZE}"
        raise unsupported_module_error(f"it lists a module {kind!r}", known, folder)
    if settings.get("use_residual"):
        raise unsupported_module_error(
            "a Dense adds its input to its output", "only plain ones are known", path
        )
    named = str(settings.get("activation_function", "torch.nn.Tanh")).rpartition(".")[2]
    if named not in TORCH_ACTIVATIONS:
        raise unsupported_module_error(
            f"the activation is {named}", f"known are {', '.join(TORCH_ACTIVATIONS)}", path
        )
    return _read_dense(folder, TORCH_ACTIVATIONS[named])


def _read_dense(folder: Path, activation: DenseActivation) -> Dense:
    path, arrays = _read_tensors(folder)
    extra = set(arrays) - {"linear.weight", "linear.bias"}
    weight = arrays.get("linear.weight")
    bias = arrays.get("linear.bias")
    if (
        extra
        or weight is None
        or weight.ndim != 2
        or (bias is not None and bias.shape != weight.shape[:1])
    ):
        why = "a Dense has linear.weight [out, in] and perhaps linear.bias [out]"
        raise _wrong_tensors_error(arrays, why, path)
    return Dense(weight, bias, activation)


def _read_layer_norm(folder: Path) -> LayerNorm:
    path, arrays = _read_tensors(folder)
    weight, bias = arrays.get("norm.weight"), arrays.get("norm.bias")
    if (
        len(arrays) != 2
        or weight is None
        or bias is None
        or weight.ndim != 1
        or bias.shape != weight.shape
    ):
        raise _wrong_tensors_error(
            arrays, "a LayerNorm has norm.weight [D] and norm.bias [D]", path
        )
    return LayerNorm(weight, bias)


def _read_tensors(folder: Path) -> tuple[Path, Tensors]:
    """The file of a module's tensors, and the tensors."""
    path = folder / WEIGHTS_FILE
    old_path = folder / OLD_MODULE_WEIGHTS
    if not path.is_file() and old_path.is_file():
        return old_path, fileformats.read_torch(old_path)
    return path, read_safetensors(path)


def _wrong_tensors_error(arrays: Tensors, why: str, path: Path) -> FormatError:
    return FormatError(
        "checkpoint-shape-mismatch",
        f"its tensors are {', '.join(sorted(arrays))}",
        why=why,
        fix="Copy or download it again",
        where=str(path),
    )


def write_pooling(folder: Path, config: PoolingConfig, width: int) -> None:
    """Write the directory of the Pooling module."""
    folder.mkdir(exist_ok=True)
    flags: dict[str, object] = {
        flag: POOLINGS[mode] in config.modes for flag, mode in FLAGS.items()
    }
    if [POOLINGS[FLAGS[flag]] for flag, present in flags.items() if present] != list(config.modes):
        # flags have one order; version 6 reads any
        names = {ours: name for name, ours in POOLINGS.items()}
        flags = {"pooling_mode": [names[mode] for mode in config.modes]}
    write_json(
        folder / "config.json",
        {
            "word_embedding_dimension": width,
            **flags,
            "include_prompt": config.include_prompt,
        },
    )


def write_step(number: int, step: VectorStep, directory: Path) -> tuple[str, str]:
    """Write the folder of a module after the pooling → the folder's name and the kind."""
    match step:
        case Dense():
            kind, parameters, settings = DENSE, "linear", _describe_dense(step)
        case LayerNorm():
            kind, parameters, settings = LAYER_NORM, "norm", {"dimension": len(step.weight)}
        case Normalize():
            kind, parameters, settings = NORMALIZE, "", {}
    folder = directory / f"{number}_{kind}"
    folder.mkdir(exist_ok=True)
    if step.arrays:
        arrays = {f"{parameters}.{name}": array for name, array in step.arrays.items()}
        write_safetensors(folder / WEIGHTS_FILE, arrays)
    write_json(folder / "config.json", settings)
    return folder.name, kind


def _describe_dense(layer: Dense) -> dict[str, object]:
    name = name_of_activation(layer.activation)
    return {
        "in_features": layer.weight.shape[1],
        "out_features": layer.weight.shape[0],
        "bias": layer.bias is not None,
        "activation_function": f"torch.nn.modules.{HOME_OF.get(name, 'activation')}.{name}",
    }


def name_of_activation(activation: DenseActivation) -> str:
    """The class of torch.nn; raises InputError [pooling-unsupported] if there is none."""
    for name, ours in TORCH_ACTIVATIONS.items():
        if ours == activation:
            return name
    raise InputError(
        "pooling-unsupported",
        f"the activation of a Dense is {activation!r}",
        why="torch.nn has no class for it",
        fix="Write another format, such as onnx",
    )


def write_json(path: Path, value: object) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def unsupported_module_error(what: str, why: str, path: Path) -> FormatError:
    """Make the error for a module or setting that is not supported."""
    return FormatError(
        "pooling-unsupported",
        what,
        why=why,
        fix="Open the encoder alone and pool as you need it, or save the model in another form",
        where=str(path),
    )
