"""Write the files that peers open, as a user of transformers would make them.

    python -m race.export PLACE [int8]

Run in the peers' environment. transformers 5 makes the mask of ALBERT's attention in a way that
tracing does not follow, so the model is wrapped and given the finished mask. With `int8`, NNCF
quantises OpenVINO's model too, by PLACE/samples.txt: minutes, only where that is to be raced.
CTranslate2 converts no ALBERT; `race.ctranslate2_export` does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModel

from race.ctranslate2_export import write_ctranslate2
from race.padded_peers import Padded
from race.runner import Vectors as Rows

MASKED_SCORE = -1e4


class Vectors(torch.nn.Module):
    """ids, mask [B, S] → token vectors [B, S, H]."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.albert = AutoModel.from_pretrained(
            directory, dtype=torch.float32, attn_implementation="eager"
        ).eval()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        added = (1 - attention_mask[:, None, None].to(torch.float32)) * MASKED_SCORE  # [B, 1, 1, S]
        return self.albert(input_ids=input_ids, attention_mask=added).last_hidden_state


def main() -> None:
    directory = Path(sys.argv[1])
    write_ctranslate2(directory)
    write_onnx(directory)
    write_openvino(directory)
    if sys.argv[2:] == ["int8"]:
        texts = (directory / "samples.txt").read_text(encoding="utf-8").splitlines()
        write_openvino_int8(directory, texts)


def write_onnx(directory: Path) -> None:
    """model.onnx; the same with fused nodes, model_optimised.onnx; and that in int8."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers.optimizer import optimize_model

    file = directory / "model.onnx"
    ids = torch.ones(2, 7, dtype=torch.int64)
    axes = {0: "texts", 1: "ids"}
    with torch.inference_mode():
        torch.onnx.export(
            Vectors(directory),
            (ids, ids),
            file,
            input_names=["input_ids", "attention_mask"],
            output_names=["tokens"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "tokens": axes},
            dynamo=False,
        )
    config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    optimised = optimize_model(
        str(file),
        model_type="bert",
        num_heads=config["num_attention_heads"],
        hidden_size=config["hidden_size"],
    )
    optimised.save_model_to_file(str(directory / "model_optimised.onnx"))
    quantize_dynamic(
        directory / "model_optimised.onnx",
        directory / "model_int8.onnx",
        weight_type=QuantType.QInt8,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},  # fused nodes hide the type
    )


def write_openvino(directory: Path) -> None:
    """model_ov.xml, from model.onnx."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # it calls home
    import openvino

    model = openvino.convert_model(directory / "model.onnx")
    openvino.save_model(model, directory / "model_ov.xml", compress_to_fp16=False)


def write_openvino_int8(directory: Path, texts: list[str]) -> None:
    """model_ov_int8.xml: NNCF's own choice of what to quantise, ranges from `texts`."""
    import nncf
    import openvino

    samples: list[dict[str, object]] = []

    class Caught(Padded):
        def run(self, ids: Rows, mask: Rows) -> Rows:
            samples.append({"input_ids": ids, "attention_mask": mask})
            return torch.zeros(*ids.shape, 1).numpy()

    caught = Caught(directory)
    for text in texts:
        caught.encode([text])
    quantised = nncf.quantize(
        openvino.Core().read_model(directory / "model_ov.xml"),
        nncf.Dataset(samples),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(samples),
    )
    openvino.save_model(quantised, directory / "model_ov_int8.xml", compress_to_fp16=False)


if __name__ == "__main__":
    main()
