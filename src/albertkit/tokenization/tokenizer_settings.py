"""The settings of a vocabulary: what the files of a Hugging Face directory ask for.

Input: tokenizer_config.json, special_tokens_map.json, added_tokens.json, and what a caller asks for
in their place. Output: the policy, the names of the special pieces, the added tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from albertkit.errors import FormatError
from albertkit.fileformats.reader import JsonValue, parse_json
from albertkit.tokenization.policy import TokenizerPolicy, make_policy
from albertkit.tokenization.vocabulary import AddedToken, Side, SpecialNames

SETTINGS_FILE = "tokenizer_config.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"
ADDED_TOKENS_FILE = "added_tokens.json"
TOKENIZER_FILE = "tokenizer.json"
VOCABULARY_FILE = "vocab.txt"  # of WordPiece
CONFIG_FILE = "config.json"
OUR_SETTINGS = "albertkit"  # the key of tokenizer_config.json that holds our policy
MAX_LENGTH = 10**6  # a larger model_max_length is transformers' sign for "unknown"
ADDED_TOKENS = "added_tokens_decoder"
HUGGINGFACE_KEYS = frozenset(("model_type", "transformers_version"))  # of a config.json
LISTS_OF_SPECIALS = ("additional_special_tokens", "extra_special_tokens")
FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
# The classes of transformers that tokenize as a bare spiece.model or vocab.txt is read here.
KNOWN_CLASSES = ("Albert", "Bert", "DistilBert", "Electra")
GENERIC_CLASSES = ("PreTrainedTokenizerFast", "TokenizersBackend", "PreTrainedTokenizer")

Settings = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class VocabularyOptions:
    """How a vocabulary file is opened.

    settings: of the files. policy: given by the caller, in place of theirs. overrides: settings
    that the caller gives by keyword. rows: of the model's word embeddings, if known.
    """

    settings: Settings = field(default_factory=dict)
    policy: TokenizerPolicy | None = None
    overrides: Settings = field(default_factory=dict)
    added: tuple[AddedToken, ...] = ()
    rows: int | None = None
    is_huggingface: bool = False  # whether the file is part of a Hugging Face directory

    @property
    def is_explicit(self) -> bool:
        """Whether the caller asks for other rules than the files."""
        return self.policy is not None or bool(self.overrides)

    def choose_policy(self, usual: TokenizerPolicy, kind: str) -> tuple[TokenizerPolicy, str]:
        """The policy, and why in words; usual: of this kind of vocabulary."""
        if self.policy is not None:
            policy, reason = self.policy, "given by the caller"
        else:
            policy, reason = read_settings_policy(usual, kind, self.settings)
        if not self.overrides:
            return policy, reason
        given = ", ".join(f"{name}={value}" for name, value in self.overrides.items())
        return override_policy(policy, usual, self.overrides), f"given by the caller: {given}"


def read_options(
    files: Mapping[str, bytes],
    origin: str,
    policy: TokenizerPolicy | None,
    overrides: Settings,
    config: Settings,
) -> VocabularyOptions:
    """Collect everything that a tokenizer's files, the model's config and a caller ask for."""
    settings = _parse(files, origin, SETTINGS_FILE)
    if ADDED_TOKENS not in settings:  # else transformers does not read the older file
        settings |= _parse(files, origin, SPECIAL_TOKENS_FILE)
    rows = config.get("vocab_size")
    return VocabularyOptions(
        {"tokenizer_class": config.get("tokenizer_class"), **settings},
        policy,
        overrides,
        tuple(read_added_tokens(settings, _parse(files, origin, ADDED_TOKENS_FILE))),
        rows if isinstance(rows, int) else None,
        bool(settings) or SETTINGS_FILE in files or not HUGGINGFACE_KEYS.isdisjoint(config),
    )


def _parse(files: Mapping[str, bytes], origin: str, name: str) -> dict[str, JsonValue]:
    return parse_json(files[name], f"{origin}/{name}") if name in files else {}


def read_own_policy(settings: Settings, tokenizer_json: bytes | None) -> TokenizerPolicy | None:
    """The policy that albertkit saved, unless the tokenizer.json was replaced since then."""
    saved = settings.get(OUR_SETTINGS)
    if not isinstance(saved, dict) or not isinstance(saved.get("policy"), dict):
        return None
    if tokenizer_json is not None:
        digest = hashlib.sha256(tokenizer_json).hexdigest()
        if digest != saved.get("tokenizer_json"):
            return None
    values = saved["policy"]
    return make_policy(values) if isinstance(values, dict) else None


def read_settings_policy(
    usual: TokenizerPolicy, kind: str, settings: Settings
) -> tuple[TokenizerPolicy, str]:
    """The usual policy without what the settings switch off, and the reason in words."""
    policy, reasons = usual, []
    if settings.get("do_lower_case") is False:
        policy = replace(policy, name=f"{policy.name}, cased", case="kept")
        reasons.append("do_lower_case is false")
        if usual.punctuation_spaced:  # BERT's: the one switch means both
            policy = replace(policy, form="kept", marks="kept")
    if settings.get("keep_accents") is True or settings.get("strip_accents") is False:
        policy = replace(policy, name=f"{policy.name}, accents kept", form="kept", marks="kept")
        reasons.append("accents are kept")
    if settings.get("strip_accents") is True and policy.marks == "kept":
        policy = replace(
            policy, name=f"{policy.name}, accents dropped", form=usual.form, marks=usual.marks
        )
        reasons.append("strip_accents is true")
    if settings.get("remove_space") is False:
        policy = replace(policy, name=f"{policy.name}, spaces kept", whitespace_collapsed=False)
        reasons.append("remove_space is false")
    if settings.get("tokenize_chinese_chars") is False:
        policy = replace(policy, name=f"{policy.name}, no CJK cuts", ideographs_spaced=False)
        reasons.append("tokenize_chinese_chars is false")
    if not reasons:
        return policy, f"{kind}, and no setting differs from google's"
    return policy, f"{kind}; {SETTINGS_FILE} says: {', '.join(reasons)}"


def override_policy(
    policy: TokenizerPolicy, usual: TokenizerPolicy, overrides: Settings
) -> TokenizerPolicy:
    """The policy with what the caller switches on or off; usual: the values of "on"."""
    if overrides.get("do_lower_case") is True and policy.keeps_case:
        policy = replace(policy, name=f"{policy.name}, lower-cased", case=usual.case)
    if overrides.get("keep_accents") is False and policy.marks == "kept":
        policy = replace(
            policy, name=f"{policy.name}, accents dropped", form=usual.form, marks=usual.marks
        )
    if overrides.get("do_lower_case") is False and policy.keeps_case:
        overrides = {**overrides, "do_lower_case": None}
    return read_settings_policy(policy, "", overrides)[0]


def check_tokenizer_class(settings: Settings, where: str) -> None:
    """Refuse a vocabulary that another class of tokenizer cuts texts for.

    Raises:
        FormatError: [tokenizer-unsupported].
    """
    name = settings.get("tokenizer_class")
    if not isinstance(name, str) or name in GENERIC_CLASSES:
        return
    if name.removesuffix("Fast").removesuffix("Tokenizer") in KNOWN_CLASSES:
        return
    raise FormatError(
        "tokenizer-unsupported",
        f"tokenizer_class is {name!r}",
        why="its rules are not known here, and other rules would give other ids",
        fix="Save a tokenizer.json with transformers, or insist with --policy reference "
        "(wordpiece for a vocab.txt; in Python: policy=)",
        where=where,
    )


def read_special_names(settings: Settings, usual: SpecialNames) -> SpecialNames:
    """The names of the special pieces in the settings."""
    return SpecialNames(
        *(
            _read_token_text(settings.get(f"{name}_token"), getattr(usual, name))
            for name in ("pad", "unk", "cls", "sep", "mask")
        )
    )


def read_max_length(settings: Settings) -> int | None:
    """model_max_length, if it is a length."""
    value = settings.get("model_max_length")
    return int(value) if isinstance(value, int | float) and 0 < value < MAX_LENGTH else None


def read_side(settings: Settings, name: str) -> Side:
    """truncation_side or padding_side."""
    return "left" if settings.get(name) == "left" else "right"


def read_added_tokens(settings: Settings, ids: Settings) -> Iterator[AddedToken]:
    """The tokens that were added to a vocabulary, in every form that transformers writes.

    Args:
        settings: with added_tokens_decoder, additional_special_tokens or extra_special_tokens.
        ids: the contents of added_tokens.json, token → id.
    """
    tokens: dict[str, AddedToken] = {}
    decoder = settings.get(ADDED_TOKENS)
    for number, value in decoder.items() if isinstance(decoder, dict) else ():
        token = _read_token(value, int(number) if number.isdecimal() else None)
        if token:
            tokens[token.content] = token
    for content, id_ in ids.items():
        whole = id_ if isinstance(id_, int) and not isinstance(id_, bool) else None
        tokens.setdefault(content, AddedToken(content, whole, normalized=True))
    for value in _list_specials(settings):
        token = _read_token(value, None)
        if token:
            former = tokens.get(token.content, token)
            # transformers searches a special token in the raw text
            tokens[token.content] = replace(former, special=True, normalized=False)
    yield from tokens.values()


def read_json_tokens(written: Settings) -> Iterator[AddedToken]:
    """The added tokens of a tokenizer.json."""
    rows = written.get("added_tokens")
    for row in rows if isinstance(rows, list) else []:
        number = row.get("id") if isinstance(row, dict) else None
        token = _read_token(row, number if isinstance(number, int) else None)
        if token:
            yield token


def _list_specials(settings: Settings) -> Iterator[JsonValue]:
    """The special tokens that are listed by name alone."""
    for name in LISTS_OF_SPECIALS:
        value = settings.get(name)
        yield from value if isinstance(value, list) else ()
        yield from value.values() if isinstance(value, dict) else ()
    for name in ("bos_token", "eos_token"):
        if settings.get(name) is not None:
            yield settings[name]


def _read_token(value: JsonValue, number: int | None) -> AddedToken | None:
    """A token as transformers writes it: a string, or an object with `content` and flags."""
    content = _read_token_text(value, "")
    if not content:
        return None
    given = value if isinstance(value, dict) else {}
    return AddedToken(content, number, **{name: bool(given.get(name, False)) for name in FLAGS})


def _read_token_text(value: JsonValue, otherwise: str) -> str:
    """The text of a token: a string, or an object with `content`."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else otherwise
