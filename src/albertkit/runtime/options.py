"""How a model is opened and computed: every option, its values and its default, defined once.

`load`, TextEmbedder and FillMask take these names as keywords; the command line and jobs read the
fields. A new option is a field of LoadOptions, and a line of LoadKeywords for type checkers, which
cannot derive the one from the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, get_args

from albertkit.engine.precision import PrecisionName

if TYPE_CHECKING:
    from albertkit.checkpoints import ConfigOverrides
    from albertkit.sources import FetchOptions
    from albertkit.tokenization import TokenizerPolicy

EngineName = Literal["auto", "native", "numpy", "openvino", "torch"]
ENGINE_NAMES: tuple[EngineName, ...] = get_args(EngineName)

# As torch reads them: ASCII digits without a leading zero.
DEVICE = re.compile(r"auto|cpu|cuda(:(0|[1-9][0-9]?))?")
DEVICE_NAMES = "'auto', 'cpu', 'cuda', or 'cuda:0', 'cuda:1', … for one of several GPUs"


def is_device_name(device: object) -> bool:
    """Whether this is the name of a device, which need not be there: one of DEVICE_NAMES."""
    return isinstance(device, str) and DEVICE.fullmatch(device) is not None


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """Where a model is looked for, how it reads text, and what computes it.

    Attributes:
        engine: "auto" is the native one if it was compiled, else OpenVINO if it is installed, else
            numpy.
        device: "cuda" or "cuda:1" is a GPU, on which torch computes. "auto" is a GPU if torch
            sees one; so is None for the engine "torch". None is the CPU for all other engines.
        precision: "auto" is bfloat16 if the processor has it, else float32.
        deterministic: vectors are bit-identical whatever the other texts of the batch and the
            number of threads. Slower: each text is computed alone.
        policy: overrides the tokenizer policy of the model's files; a name or a TokenizerPolicy.
        num_hidden_layers: for checkpoints whose files lack it.
        num_attention_heads: for checkpoints whose files lack it.
        hidden_act: for checkpoints whose files lack it.
        revision: a branch, tag or commit of a hub's repository.
        token: for private models. None: the one saved on this machine, or HF_TOKEN. False: none.
        cache_dir: directory for downloaded files. None: the hub's own.
        local_files_only: never use the network.
    """

    engine: EngineName = "auto"
    device: str | None = None
    precision: PrecisionName = "float32"
    deterministic: bool = False
    policy: str | TokenizerPolicy | None = None
    num_hidden_layers: int | None = None
    num_attention_heads: int | None = None
    hidden_act: str | None = None
    revision: str | None = None
    token: str | bool | None = None
    cache_dir: str | Path | None = None
    local_files_only: bool = False

    def keywords(self) -> LoadKeywords:
        """The fields as keywords of `load`, TextEmbedder and FillMask."""
        values: Any = {field.name: getattr(self, field.name) for field in fields(self)}
        keywords: LoadKeywords = values
        return keywords

    @property
    def fetch_options(self) -> FetchOptions:
        """What `sources` needs to know to find the files."""
        from albertkit.sources import FetchOptions

        return FetchOptions(
            revision=self.revision,
            token=self.token,
            cache_dir=self.cache_dir,
            local_files_only=self.local_files_only,
        )

    @property
    def overrides(self) -> ConfigOverrides:
        """What `checkpoints` needs to know to read the config."""
        from albertkit.checkpoints import ConfigOverrides

        return ConfigOverrides(
            num_hidden_layers=self.num_hidden_layers,
            num_attention_heads=self.num_attention_heads,
            hidden_act=self.hidden_act,
        )


class LoadKeywords(TypedDict, total=False):
    """The fields of LoadOptions as keyword arguments."""

    engine: EngineName
    device: str | None
    precision: PrecisionName
    deterministic: bool
    policy: str | TokenizerPolicy | None
    num_hidden_layers: int | None
    num_attention_heads: int | None
    hidden_act: str | None
    revision: str | None
    token: str | bool | None
    cache_dir: str | Path | None
    local_files_only: bool
