"""The published sizes of ALBERT, and the sizes of the models inside this package.

Source: ALBERT paper, table 1; the `albert_config.json` of google/albert_*/1..3; dropout of v1 and
v2 from google-research/albert README. xlarge has 32 heads there (Hugging Face's copies have 16; the
shapes of the weights do not show which is right).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from albertkit.errors import InputError
from albertkit.spec.config import AlbertConfig


def _make_preset(hidden: int, layers: int, heads: int, dropout: float) -> AlbertConfig:
    return AlbertConfig(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )


PRESETS: Mapping[str, AlbertConfig] = MappingProxyType(
    {
        "albert-base-v1": _make_preset(768, 12, 12, 0.1),
        "albert-large-v1": _make_preset(1024, 24, 16, 0.1),
        "albert-xlarge-v1": _make_preset(2048, 24, 32, 0.1),
        "albert-xxlarge-v1": _make_preset(4096, 12, 64, 0.0),
        "albert-base-v2": _make_preset(768, 12, 12, 0.0),
        "albert-large-v2": _make_preset(1024, 24, 16, 0.0),
        "albert-xlarge-v2": _make_preset(2048, 24, 32, 0.0),
        "albert-xxlarge-v2": _make_preset(4096, 12, 64, 0.0),
        "small-en": AlbertConfig(
            vocab_size=16000,
            hidden_size=256,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=1024,
        ),
    }
)


def preset(name: str) -> AlbertConfig:
    """Make the config of a published or built-in size.

    Args:
        name: such as `base`, `base-v1` or `albert-base-v1`; without a version it means v2.

    Raises:
        InputError: [unknown-preset].
    """
    for candidate in (name, f"albert-{name}", f"albert-{name}-v2", f"{name}-v2"):
        if candidate in PRESETS:
            return replace(PRESETS[candidate])  # a copy: some attributes may be set
    raise InputError(
        "unknown-preset",
        f"there is no preset {name!r}",
        why=f"known are {', '.join(PRESETS)}",
        fix="Take one of these, or make an AlbertConfig",
    )
