"""Exports: ONNX files of any program, SavedModels and TF Hub modules of TensorFlow 1."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from albertkit.doctor.catalogue import find_symptom
from albertkit.doctor.examined import ExaminedModel
from albertkit.errors import AlbertKitError, Diagnostic
from albertkit.errors.exceptions import count_noun, list_names
from albertkit.fileformats.onnx.summary import summarize_onnx
from albertkit.fileformats.tensorflow.saved_model import read_saved_model

COPIED = 1.5  # bytes stored over bytes that differ
IDS = ("input_ids", "input_word_ids", "ids")


def check_onnx(model: ExaminedModel) -> Iterator[Diagnostic]:
    """Copies of the shared layer, axes that are fixed, vectors that depend on the batch."""
    for path in model.files():
        if path.suffix == ".onnx":
            yield from check_onnx_file(path)


def check_onnx_file(path: Path) -> Iterator[Diagnostic]:
    """The checks of one ONNX file."""
    try:
        summary = summarize_onnx(path)
    except AlbertKitError as error:
        yield error.diagnostic
        return
    if summary.unique and summary.stored / summary.unique > COPIED:
        yield find_symptom("onnx-shared-layer-copied").diagnose(
            str(path),
            evidence=f"{summary.stored / 1e6:.1f} MB of tensors, {summary.unique / 1e6:.1f} MB of "
            "them different",
            copies=summary.most_copies,
        )
    axes = next((summary.inputs[name] for name in IDS if name in summary.inputs), ())
    if axes and all(isinstance(axis, int) for axis in axes):
        yield find_symptom("onnx-input-shape").diagnose(
            str(path),
            level="warning",
            evidence=f"the ids are {list(axes)}, opset {summary.opset}, written by "
            f"{summary.producer or 'an unnamed program'}",
            fix="For texts of any length export with dynamic axes: albertkit convert --to onnx",
        )
    if summary.batch_scales and axes[:1] != (1,):
        yield find_symptom("vectors-depend-on-batch").diagnose(
            str(path),
            evidence=f"{count_noun(summary.batch_scales, 'node')} DynamicQuantizeLinear",
        )


def check_hub_module(model: ExaminedModel) -> Iterator[Diagnostic]:
    """What TensorFlow will say to a TF Hub module, as notes."""
    if model.path is None or not model.path.is_dir():
        return
    if (model.path / "tfhub_module.pb").is_file():
        for code in ("tf1-module-called", "tf1-module-in-keras-layer"):
            yield find_symptom(code).diagnose(
                model.location, level="note", evidence="tfhub_module.pb", basis="recognised"
            )


def check_operations(model: ExaminedModel) -> Iterator[Diagnostic]:
    """Operations that TensorFlow has only after `import tensorflow_text`, as a note."""
    entry = find_symptom("tensorflow-text-not-imported")
    for path in model.files():
        if path.name != "saved_model.pb":
            continue
        saved = read_saved_model(path.parent)
        nodes = chain(saved.operations(), *saved.functions())
        kinds = sorted({operation.kind for operation in nodes})
        missing = [
            kind
            for kind in kinds
            if any(p.search(f"Op type not registered '{kind}'") for p in entry.patterns)
        ]
        if missing:
            yield entry.diagnose(
                str(path),
                level="note",
                evidence=f"{list_names(missing, 4)}, of {len(kinds)} operations",
                operation=missing[0],
            )


def describe_saved_model(model: ExaminedModel) -> dict[str, str]:
    """How TensorFlow calls a TF2 SavedModel, in one line a fact; empty for other models."""
    directory = model.path
    if directory is None or not (directory / "saved_model.pb").is_file():
        return {}
    if (directory / "tfhub_module.pb").is_file():
        return {}
    try:
        saved = read_saved_model(directory)
        signatures = saved.child("signatures")
        takes_dict = bool(saved.output_shapes("__call__"))
    except AlbertKitError:
        return {}
    names = sorted(signatures.children) if signatures else []
    facts = {
        "written by": f"TensorFlow {saved.tensorflow}",
        "called with": "a dict of int32: input_word_ids, input_mask, input_type_ids"
        if takes_dict
        else "a list of int32: ids, mask, types; it returns a pair (version 1)",
        "signatures": ", ".join(names) or "none",
        "masked LM": ".mlm" if saved.child("mlm") else "none",
    }
    if names:
        layer = f'keras.layers.TFSMLayer(path, call_endpoint="{names[0]}")'
        facts["in Keras 3"] = f"{layer}; hub.KerasLayer needs tf_keras"
    return facts
