"""How many copies of a shared matrix OpenVINO holds, by the memory of processes in several forms.

    python benchmarks/one_copy.py [--shape base]

Each form in a process of its own, on one thread: its largest resident set after a call of 512 slots
(Linux). bfloat16 only where the processor has it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from albertkit.checkpoints import read_checkpoint
from albertkit.engine.openvino.compiled_encoder import (
    CompiledEncoder,
    LayerwiseEncoder,
    SingleGraphEncoder,
)
from albertkit.engine.openvino.emitter import OpenVinoEmitter
from albertkit.engine.packing import SLOTS
from albertkit.engine.processor import detect_processor
from albertkit.spec.parameters import CachedArrays
from race.memory import peak_megabytes
from race.models import model_directory
from tried import SETTINGS, Emitter, current_graph, pack_all, texts_of

Made = tuple[
    Emitter, Callable[..., CompiledEncoder], str
]  # emitter, form, what else is computed in
FORMS: Final[dict[str, Made]] = {
    "float32, one graph": (current_graph, SingleGraphEncoder, "f32"),
    "float32, layer by layer": (current_graph, LayerwiseEncoder, "f32"),
    "bfloat16, one graph": (OpenVinoEmitter, SingleGraphEncoder, "bf16"),
    "bfloat16, layer by layer": (OpenVinoEmitter, LayerwiseEncoder, "bf16"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shape", default="base")
    parser.add_argument("--alone", nargs=2, metavar=("FORM", "PLACE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        print(megabytes(asked.alone[0], Path(asked.alone[1])))
        return
    with tempfile.TemporaryDirectory() as folder:
        directory = model_directory(asked.shape, Path(folder))
        for name, (_, _, hint) in FORMS.items():
            if hint == "bf16" and not detect_processor().bfloat16:
                print(f"{name:36}not on this processor")
                continue
            command = [sys.executable, __file__, "--alone", name, str(directory)]
            output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
            print(f"{name:36}{float(output):.0f} MB", flush=True)


def megabytes(name: str, directory: Path) -> float:
    """Of this process, once it has answered."""
    emitter, form, hint = FORMS[name]
    weights = read_checkpoint(directory).weights
    emit = partial(emitter, weights.config, CachedArrays(weights.arrays))
    request = form(emit, {**SETTINGS, "INFERENCE_PRECISION_HINT": hint}).request()
    for batch in pack_all(texts_of([32] * (SLOTS // 32), weights.config.vocab_size)):
        request.vectors(batch, batch.slots)
    return peak_megabytes()


if __name__ == "__main__":
    main()
