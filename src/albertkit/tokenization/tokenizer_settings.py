"""The settings beside a vocabulary: which policy and which names tokenizer_config.json asks for."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from albertkit.fileformats.reader import JsonValue
from albertkit.tokenization.policy import WORDPIECE, TokenizerPolicy, policy_from_fields
from albertkit.tokenization.special_tokens import SpecialNames

SETTINGS_FILE = "tokenizer_config.json"
OUR_SETTINGS = "albertkit"  # the key of tokenizer_config.json under which we keep the policy
LONGEST_LENGTH = 10**6  # a larger model_max_length is transformers' sign for "unknown"

Settings = dict[str, JsonValue]


def own_policy(settings: Settings, ready: bytes | None) -> TokenizerPolicy | None:
    """The policy that we saved, unless somebody has put another tokenizer.json there since."""
    saved = settings.get(OUR_SETTINGS)
    if not isinstance(saved, dict) or not isinstance(saved.get("policy"), dict):
        return None
    if ready is not None and hashlib.sha256(ready).hexdigest() != saved.get("tokenizer_json"):
        return None
    fields = saved["policy"]
    return policy_from_fields(fields) if isinstance(fields, dict) else None


def asked_policy(
    usual: TokenizerPolicy, kind: str, settings: Settings
) -> tuple[TokenizerPolicy, str]:
    """The usual policy less what the settings switch off, and the reason in words."""
    policy, reasons = usual, []
    if settings.get("do_lower_case") is False:
        policy = replace(policy, name=f"{policy.name}, cased", case="kept")
        reasons.append("do_lower_case is false")
        if usual is WORDPIECE:  # there the one switch means both
            policy = replace(policy, form="kept", marks="kept")
    if settings.get("keep_accents") is True or settings.get("strip_accents") is False:
        policy = replace(policy, name=f"{policy.name}, accents kept", form="kept", marks="kept")
        reasons.append("accents are kept")
    if settings.get("remove_space") is False:
        policy = replace(policy, name=f"{policy.name}, spaces kept", whitespace_collapsed=False)
        reasons.append("remove_space is false")
    if settings.get("tokenize_chinese_chars") is False:
        policy = replace(policy, name=f"{policy.name}, no CJK cuts", ideographs_spaced=False)
        reasons.append("tokenize_chinese_chars is false")
    if not reasons:
        return policy, f"{kind}, and no setting differs from google's"
    return policy, f"{kind}; {SETTINGS_FILE} says: {', '.join(reasons)}"


def special_names(settings: Settings, usual: SpecialNames) -> SpecialNames:
    """What the settings call the special pieces."""
    return SpecialNames(
        *(
            token_text(settings.get(f"{field}_token"), getattr(usual, field))
            for field in ("pad", "unk", "cls", "sep", "mask")
        )
    )


def token_text(value: JsonValue, otherwise: str) -> str:
    """A token as transformers writes it: a string, or an object with `content`."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else otherwise


def max_length_of(settings: Settings) -> int | None:
    """model_max_length, where it says something."""
    value = settings.get("model_max_length")
    return int(value) if isinstance(value, int | float) and 0 < value < LONGEST_LENGTH else None
