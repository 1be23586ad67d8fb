"""The contestants: who they are, in whose environment they run, how exact they mean to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from race.names import JOBS, LISTS, SINGLES

if TYPE_CHECKING:  # the peers' environment has no albertkit
    from albertkit.engine.protocol import Precision

Side = Literal["ours", "peer", "ceiling"]


@dataclass(frozen=True, slots=True)
class Contestant:
    """One process of the race.

    shown: in tables. made_by: module and class, called with the model's place, the number of
    threads and `options`. precision: what products are computed in; bfloat16 and int8 are raced
    where the processor multiplies them, or `anywhere`.
    """

    name: str
    shown: str
    side: Side
    made_by: str
    options: Mapping[str, object] = field(default_factory=dict)
    precision: Precision = "float32"
    anywhere: bool = False
    libraries: tuple[str, ...] = ()  # whose versions are reported
    jobs: tuple[str, ...] = JOBS  # those it enters

    @property
    def environment(self) -> Literal["ours", "peers"]:
        return "ours" if self.side == "ours" else "peers"


def _ours(
    name: str,
    shown: str,
    precision: Precision = "float32",
    jobs: tuple[str, ...] = JOBS,
    **more: object,
) -> Contestant:
    options = {"engine": "native", "precision": precision, **more}
    return Contestant(
        f"ours-{name}",
        f"**albertkit** {shown}",
        "ours",
        "race.ours:Ours",
        options,
        precision,
        libraries=("albertkit", "openvino" if more.get("engine") == "openvino" else "numpy"),
        jobs=jobs,
    )


def _openvino(shown: str, precision: Precision) -> Contestant:
    maker, options = "race.padded_peers:OpenVino", {"precision": precision}
    return Contestant(
        f"openvino-{precision}", shown, "peer", maker, options, precision, libraries=("openvino",)
    )


def _onnxruntime(shown: str, precision: Precision) -> Contestant:
    return _padding_peer("onnxruntime", "OnnxRuntime", shown, precision)


def _ctranslate2(shown: str, precision: Precision) -> Contestant:
    return _padding_peer("ctranslate2", "CTranslate2", shown, precision)


def _padding_peer(library: str, maker: str, shown: str, precision: Precision) -> Contestant:
    """A peer that is named after its library, and runs on any processor."""
    return Contestant(
        f"{library}-{precision}",
        shown,
        "peer",
        f"race.padded_peers:{maker}",
        {"precision": precision},
        precision,
        anywhere=True,
        libraries=(library,),
    )


def _products(library: str, kind: str, precision: Precision) -> Contestant:
    maker = f"race.products:{kind}"
    shown = f"the products alone, {library} {precision}"
    name = f"products-{kind.lower()}-{precision}"
    return Contestant(
        name,
        shown,
        "ceiling",
        maker,
        {"precision": precision},
        precision,
        libraries=(kind.lower(),),
        jobs=LISTS,
    )


FIELD: Final = (
    _ours("float32", "float32"),
    _ours("bfloat16", "bfloat16", "bfloat16"),
    _ours("int8", "int8", "int8"),
    _ours("openvino-float32", "float32 by OpenVINO", engine="openvino"),
    _ours("openvino-bfloat16", "bfloat16 by OpenVINO", "bfloat16", engine="openvino"),
    _ours("deterministic", "float32, deterministic", jobs=("list",), deterministic=True),
    _ours("numpy", "float32, numpy alone", jobs=("requests", *SINGLES), engine="numpy"),
    Contestant(
        "sentence-transformers",
        "sentence-transformers",
        "peer",
        "race.torch_peers:SentenceTransformers",
        libraries=("sentence-transformers", "transformers", "torch"),
    ),
    _openvino("OpenVINO float32, sorted and padded", "float32"),
    _openvino("OpenVINO bfloat16, sorted and padded", "bfloat16"),
    _openvino("OpenVINO int8 by NNCF, sorted and padded", "int8"),
    _onnxruntime("ONNX Runtime float32, sorted and padded", "float32"),
    _onnxruntime("ONNX Runtime int8, sorted and padded", "int8"),
    _ctranslate2("CTranslate2 float32, sorted and padded", "float32"),  # it has no bfloat16 on CPUs
    _ctranslate2("CTranslate2 int8, sorted and padded", "int8"),
    Contestant(
        "pipeline",
        "Hugging Face pipeline",
        "peer",
        "race.torch_peers:Pipeline",
        libraries=("transformers", "torch"),
    ),
    Contestant(
        "torch-compile",
        "torch.compile, sorted and padded",
        "peer",
        "race.torch_peers:Compiled",
        libraries=("transformers", "torch"),
    ),
    _products("OpenVINO", "OpenVino", "float32"),
    _products("OpenVINO", "OpenVino", "bfloat16"),
    _products("OpenVINO", "OpenVino", "int8"),
    _products("torch", "Torch", "float32"),
)
BY_NAME: Final[Mapping[str, Contestant]] = {each.name: each for each in FIELD}
ABSENT: Final = "not on this processor"
REFERENCE: Final = "sentence-transformers"  # ratios and differences are to it
