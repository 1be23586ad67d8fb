"""A file or directory → the vocabulary in it, recognised by content, and the policy it asks for.

In: a path. Out: Found(pieces, policy, reason, …). A directory's tokenizer_config.json chooses the
policy's fields; a tokenizer.json beside is followed (tokenizer_json.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from albertkit.errors import FormatError, InputError
from albertkit.fileformats.reader import JsonValue, map_file, read_json
from albertkit.fileformats.sentencepiece_model import looks_like_sentencepiece
from albertkit.text.pieces import SentencePieces
from albertkit.text.policy import REFERENCE, TextPolicy
from albertkit.text.specials import SpecialNames

SETTINGS_FILE = "tokenizer_config.json"
SENTENCEPIECE_FILES = ("spiece.model", "30k-clean.model", "assets/30k-clean.model")


@dataclass(frozen=True, slots=True)
class Found:
    """A vocabulary, and how its texts are to be read."""

    pieces: SentencePieces
    policy: TextPolicy
    reason: str  # why this policy, for people
    model_max_length: int | None


def find_vocabulary(path: Path, policy: TextPolicy | None) -> Found:
    """Open what lies at `path`; a given policy overrides what the directory asks for."""
    if path.is_file():
        return open_file(path, policy, {})
    if not path.is_dir():
        raise InputError(
            "file-not-found", f"there is no file or directory {str(path)!r}", fix="Check the path"
        )
    settings_file = path / SETTINGS_FILE
    settings = read_json(settings_file) if settings_file.is_file() else {}
    for name in SENTENCEPIECE_FILES:
        if (path / name).is_file():
            return open_file(path / name, policy, settings)
    raise FormatError(
        "no-vocabulary",
        f"the directory {str(path)!r} holds no vocabulary",
        why="none of spiece.model, 30k-clean.model, tokenizer.json or vocab.txt is there",
        fix="Put the file that belongs to the model beside it",
    )


def open_file(path: Path, policy: TextPolicy | None, settings: dict[str, JsonValue]) -> Found:
    """Open one vocabulary file."""
    data = map_file(path)
    if not looks_like_sentencepiece(bytes(data[:16])):
        raise FormatError(
            "file-foreign",
            f"this is no vocabulary: it begins with {bytes(data[:12])!r}",
            why="a SentencePiece model, tokenizer.json or vocab.txt was expected",
            fix="Give the vocabulary that belongs to the model",
            where=str(path),
        )
    asked, reason = policy_of_settings(settings)
    chosen = policy or asked
    pieces = SentencePieces(
        bytes(data),
        str(path),
        special_names=special_names(settings),
        digit_comma=chosen.digit_comma,
    )
    return Found(pieces, chosen, "given" if policy else reason, max_length_of(settings))


def policy_of_settings(settings: dict[str, JsonValue]) -> tuple[TextPolicy, str]:
    """The reference, less what the settings switch off; and the reason in words."""
    policy, reasons = REFERENCE, []
    if settings.get("do_lower_case") is False:
        policy = replace(policy, name="reference, cased", case="kept")
        reasons.append("do_lower_case is false")
    if settings.get("keep_accents") is True:
        policy = replace(policy, name=policy.name + ", accents kept", form="kept", marks="kept")
        reasons.append("keep_accents is true")
    if settings.get("remove_space") is False:
        policy = replace(policy, name=policy.name + ", spaces kept", whitespace_collapsed=False)
        reasons.append("remove_space is false")
    if not reasons:
        return policy, "a SentencePiece model and no setting that differs from google's"
    return policy, f"{SETTINGS_FILE}: {', '.join(reasons)}"


def special_names(settings: dict[str, JsonValue]) -> SpecialNames:
    """What the settings call the special pieces."""
    usual = SpecialNames()
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


def max_length_of(settings: dict[str, JsonValue]) -> int | None:
    """model_max_length, unless it is transformers' sign for "unknown" (10³⁰)."""
    value = settings.get("model_max_length")
    return int(value) if isinstance(value, int | float) and 0 < value < 10**6 else None
