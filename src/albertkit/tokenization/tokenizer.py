"""AlbertTokenizer: text ↔ ids, as ALBERT's authors encode it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit.errors import InputError
from albertkit.errors.arguments import check_choice, check_integer, check_keywords, refuse_unknown
from albertkit.fileformats.reader import JsonValue as Json
from albertkit.sources import FetchOptions, resolve_location
from albertkit.tokenization.assemble import Truncation, assemble
from albertkit.tokenization.batch_encoding import BatchEncoding, TensorKind
from albertkit.tokenization.encode import (
    check_texts,
    encode_text_with_offsets,
    encode_texts,
    encode_texts_with_offsets,
)
from albertkit.tokenization.encodings import Encodings
from albertkit.tokenization.piece_conversion import PieceConversion
from albertkit.tokenization.policy import REFERENCE, TokenizerPolicy, find_policy
from albertkit.tokenization.tokenizer_settings import LISTS_OF_SPECIALS
from albertkit.tokenization.vocabulary import AddedToken, Side, TokenizerParts, Vocabulary
from albertkit.tokenization.vocabulary_files import find_vocabulary, open_files

LOGGER = logging.getLogger(__name__)

MODEL_MAX_LENGTH = 512  # positions of every published ALBERT
SIDES = ("right", "left")


class AlbertTokenizer(PieceConversion):
    """Texts to ids and back; opened by `from_pretrained`.

    Args:
        vocabulary: the pieces.
        policy: the rules by which published tokenizers differ.
        policy_reason: why this policy, in words.
        model_max_length: the length that truncation=True cuts to, special tokens included.
        truncation_side: where a long text is cut: its end ("right") or its beginning ("left").
        padding_side: where short rows are padded.

    Raises:
        InputError: [option-invalid].
    """

    @check_keywords
    def __init__(
        self,
        vocabulary: Vocabulary,
        policy: TokenizerPolicy = REFERENCE,
        *,
        policy_reason: str = "given by the caller",
        model_max_length: int = MODEL_MAX_LENGTH,
        truncation_side: Side = "right",
        padding_side: Side = "right",
    ) -> None:
        """Check the arguments and keep them."""
        if isinstance(vocabulary, str | Path):
            raise InputError(
                "option-invalid",
                f"AlbertTokenizer is made with the path {str(vocabulary)!r}",
                why="a tokenizer is opened by a class method",
                fix=f"Write AlbertTokenizer.from_pretrained({str(vocabulary)!r})",
            )
        self.vocabulary = vocabulary
        self.policy = policy
        self.policy_reason = policy_reason
        self.model_max_length: int = model_max_length
        self.truncation_side: Side = truncation_side
        self.padding_side: Side = padding_side

    def __setattr__(self, name: str, value: object) -> None:
        """Check the settings that may change, and refuse attributes that have no effect."""
        if name in ("truncation_side", "padding_side"):
            check_choice(name, value, SIDES)
        elif name == "model_max_length":
            value = check_integer(name, value, minimum=3)
        else:
            refuse_unknown({name} - ATTRIBUTES, ATTRIBUTES, "AlbertTokenizer", "attribute")
        object.__setattr__(self, name, value)

    if not TYPE_CHECKING:  # a misspelt attribute is to be seen by mypy

        def __getattr__(self, name: str) -> object:
            """Say what to write in place of a method of transformers."""
            from albertkit.errors.other_libraries import TOKENIZER_ANSWERS, missing_attribute_error

            raise missing_attribute_error(self, name, TOKENIZER_ANSWERS)

    @classmethod
    @check_keywords
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        policy: str | TokenizerPolicy | None = None,
        do_lower_case: bool | None = None,
        keep_accents: bool | None = None,
        remove_space: bool | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
    ) -> AlbertTokenizer:
        """Open a vocabulary file, or a directory that holds one, recognised by content.

        Args:
            path: of a file, directory or archive; or the name of a built-in model, or of one of a
                hub, of which only the tokenizer's files are fetched.
            policy: in place of the one that the files ask for; its name or a TokenizerPolicy.
            do_lower_case: in place of the setting in tokenizer_config.json.
            keep_accents: in place of that setting.
            remove_space: in place of that setting; whether whitespace is collapsed.
            revision: of a hub's model.
            token: for a private model of a hub.
            cache_dir: where a hub's files are kept.
            local_files_only: whether to use only files that are there already.

        Raises:
            InputError: [unknown-model], [unknown-policy], [policy-incompatible].
            FormatError: [no-vocabulary], [tokenizer-unsupported], or any error in the files.
        """
        fetch_options = FetchOptions(
            revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only
        )
        settings = {
            "do_lower_case": do_lower_case,
            "keep_accents": keep_accents,
            "remove_space": remove_space,
        }
        for name, value in settings.items():
            check_choice(name, value, (None, True, False))
        overrides = {name: value for name, value in settings.items() if value is not None}
        return cls.from_path(
            resolve_location(path, fetch_options, parts="tokenizer"),
            policy=policy,
            overrides=overrides,
        )

    @classmethod
    def from_path(
        cls,
        path: Path,
        *,
        policy: str | TokenizerPolicy | None = None,
        overrides: Mapping[str, bool] | None = None,
    ) -> AlbertTokenizer:
        """Open a vocabulary at a local path, without looking for a name.

        Args:
            path: of a file, directory or archive.
            policy: as in `from_pretrained`.
            overrides: settings in place of those in tokenizer_config.json.

        Raises:
            FormatError: [no-vocabulary] if nothing at the path is a vocabulary.
        """
        return cls._from_parts(find_vocabulary(path, _find_policy(policy), dict(overrides or {})))

    @classmethod
    def from_files(
        cls,
        files: Mapping[str, bytes],
        *,
        origin: str = "",
        policy: str | TokenizerPolicy | None = None,
        config: Mapping[str, Json] | None = None,
    ) -> AlbertTokenizer:
        """Make a tokenizer from the contents of its files.

        Args:
            files: contents by file name.
            origin: the directory of the files, in error messages.
            policy: as in `from_pretrained`.
            config: the contents of the model's config.json, if there is one.

        Raises:
            FormatError: [no-vocabulary] if none of the files is a vocabulary,
                [tokenizer-unsupported], or any error in the files.
        """
        return cls._from_parts(open_files(files, origin, _find_policy(policy), {}, config or {}))

    @classmethod
    def _from_parts(cls, parts: TokenizerParts) -> AlbertTokenizer:
        return cls(
            parts.vocabulary,
            parts.policy,
            policy_reason=parts.reason,
            model_max_length=parts.model_max_length or MODEL_MAX_LENGTH,
            truncation_side=parts.truncation_side,
            padding_side=parts.padding_side,
        )

    @check_keywords
    def save_pretrained(self, directory: str | Path) -> tuple[Path, ...]:
        """Write the vocabulary, a tokenizer.json and the settings; other files stay.

        Args:
            directory: made if it does not exist. If writing fails it is as it was.

        Returns:
            The paths of the files.
        """
        from albertkit.fileformats.atomic import create_directory  # only saving needs it

        path = Path(directory)
        with create_directory(path) as unfinished:
            names = self.write_files(unfinished)
        return tuple(path / name for name in names)

    def write_files(self, directory: Path) -> list[str]:
        """Write the files of `save_pretrained` without making the directory atomic.

        Args:
            directory: It exists; the caller makes it atomic.

        Returns:
            The names of the files.
        """
        from albertkit.tokenization.saved_files import find_inexpressible  # not needed to read

        files = self.files()
        for name, data in files.items():
            (directory / name).write_bytes(data)
        for diagnostic in find_inexpressible(self.vocabulary, self.policy):
            LOGGER.warning("%s", diagnostic.line())
        return list(files)

    def files(self) -> dict[str, bytes]:
        """The contents of the files that `save_pretrained` writes, by name."""
        from albertkit.tokenization.saved_files import make_files

        return make_files(
            self.vocabulary,
            self.policy,
            self.model_max_length,
            truncation_side=self.truncation_side,
            padding_side=self.padding_side,
        )

    def save_vocabulary(
        self, save_directory: str | Path, filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Write the vocabulary file alone (spiece.model or vocab.txt), as transformers does.

        Args:
            save_directory: an existing directory.
            filename_prefix: put before the file's name, with a hyphen.

        Returns:
            The paths of the files.
        """
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        paths = []
        for name, data in self.vocabulary.files().items():
            path = Path(save_directory) / f"{prefix}{name}"
            path.write_bytes(data)
            paths.append(str(path))
        return tuple(paths)

    def __call__(self, text: object, text_pair: object = None, **options: object) -> BatchEncoding:
        """Encode a text, a pair, or many, with Hugging Face's keywords.

        token_type_ids are always returned: without them a model reads a pair as one text.

        Args:
            text: a str, a list of str, or a list of pairs; with is_split_into_words a list of
                words in place of each str.
            text_pair: the second text, or as many second texts.
            options: the fields of `call.CallOptions`.

        Raises:
            InputError: [text-not-a-string], [lone-surrogate], [pairs-unequal], [unknown-keyword],
                [option-invalid], [max-length-too-small], [truncation-impossible],
                [stride-too-large], [rows-unequal].
        """
        # `encode_batch`, which engines use, needs none of it
        from albertkit.tokenization.call import CALL_OPTIONS, Call, CallOptions, read_request

        refuse_unknown(options.keys() - CALL_OPTIONS, CALL_OPTIONS, "the tokenizer")
        call_options = CallOptions(**options)  # type: ignore[arg-type]  # it checks each
        request = read_request(text, text_pair, is_split=call_options.is_split_into_words)
        return Call(
            request,
            call_options,
            self.vocabulary,
            self.policy,
            self.model_max_length,
            self.truncation_side,
            self.padding_side,
        ).run()

    def encode(self, text: object, text_pair: object = None, **options: object) -> object:
        """Encode a text or a pair into ids.

        Args:
            text: As in a call of the tokenizer.
            text_pair: As in a call.
            **options: As in a call.

        Returns:
            The `input_ids` of the call.
        """
        return self(text, text_pair, **options)["input_ids"]

    def encode_plus(
        self, text: object, text_pair: object = None, **options: object
    ) -> BatchEncoding:
        """Encode a text or a pair: a call of the tokenizer, under transformers' older name.

        Args:
            text: As in a call.
            text_pair: As in a call.
            **options: As in a call.
        """
        return self(text, text_pair, **options)

    def batch_encode_plus(
        self, batch_text_or_text_pairs: object, **options: object
    ) -> BatchEncoding:
        """Encode many texts or pairs: a call of the tokenizer, under transformers' older name.

        Args:
            batch_text_or_text_pairs: Texts, or pairs of texts.
            **options: As in a call.
        """
        return self(batch_text_or_text_pairs, **options)

    def pad(
        self,
        encoded_inputs: Mapping[str, object] | Sequence[Mapping[str, object]],
        padding: object = True,
        *,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: Side | None = None,
        return_attention_mask: bool = True,
        return_tensors: TensorKind | None = None,
        verbose: bool = True,
    ) -> BatchEncoding:
        """Pad rows that were encoded one by one, as data collators do.

        Args:
            encoded_inputs: rows as the tokenizer returned them, or one dict of lists of rows.
                Fields that are not the tokenizer's (labels) stay as they are.
            padding: True or "longest", "max_length", or False.
            max_length: for "max_length".
            pad_to_multiple_of: round the length up to a multiple.
            padding_side: in place of the tokenizer's.
            return_attention_mask: add the mask if the rows have none.
            return_tensors: "np" or "pt" for arrays or tensors.
            verbose: no effect; data collators pass it.

        Raises:
            InputError: [option-invalid], [rows-unequal].
        """
        from albertkit.tokenization.feature_padding import pad_features

        return pad_features(
            encoded_inputs,
            pad_id=self.pad_token_id,
            side=padding_side or self.padding_side,
            padding=padding,
            max_length=max_length or self.model_max_length,
            pad_to_multiple_of=pad_to_multiple_of,
            return_attention_mask=return_attention_mask,
            return_tensors=return_tensors,
        )

    def add_tokens(self, new_tokens: object, special_tokens: bool = False) -> int:
        """Add tokens, with ids after all others; a model needs rows for them.

        Args:
            new_tokens: a str, an AddedToken of the tokenizers library, or a list of them. Names
                that are pieces already are not added again.
            special_tokens: whether they are special: left out by decode(skip_special_tokens=True).

        Returns:
            How many were added.

        Raises:
            InputError: [option-invalid] for what is not a token.
        """
        given = new_tokens if isinstance(new_tokens, list | tuple) else [new_tokens]
        known = self.vocabulary.table
        tokens = {
            token.content: token
            for token in (read_token(value, special_tokens) for value in given)
            if token.content not in known.ids
        }
        if tokens:
            self.vocabulary = self.vocabulary.with_added((*known.added, *tokens.values()))
        return len(tokens)

    def add_special_tokens(self, special_tokens_dict: Mapping[str, object]) -> int:
        """Add special tokens, as transformers does.

        Args:
            special_tokens_dict: "additional_special_tokens" (or "extra_special_tokens") with a list
                of names. The five pieces that ALBERT has keep their names.

        Returns:
            How many were added.

        Raises:
            InputError: [option-invalid] for another name of one of the five pieces.
        """
        names = self.special_tokens_map
        for name, value in special_tokens_dict.items():
            if name not in LISTS_OF_SPECIALS and names.get(name) != str(value):
                raise InputError(
                    "option-invalid",
                    f"{name} cannot become {str(value)!r}",
                    why="an ALBERT model was trained with its own special pieces",
                    fix=f"Add it as one of the {LISTS_OF_SPECIALS[0]!r}",
                )
        lists = (special_tokens_dict.get(name, []) for name in LISTS_OF_SPECIALS)
        return sum(self.add_tokens(tokens, special_tokens=True) for tokens in lists)

    def encode_batch(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        max_length: int | None = None,
        truncation: Truncation = "longest_first",
        offset_mapping: bool = False,
    ) -> Encodings:
        """Encode many texts or pairs into flat arrays, the fast way for engines.

        Args:
            texts: the first or only texts.
            pairs: as many second texts.
            max_length: cut longer texts to it, special tokens included; None cuts nothing.
            truncation: which text of a pair is cut.
            offset_mapping: find the offsets of each piece too; slow.

        Returns:
            The ids with special tokens; `dropped` counts the pieces that were cut.

        Raises:
            InputError: as a call.
        """
        encode = encode_texts_with_offsets if offset_mapping else encode_texts
        first = encode(check_texts(texts), self.vocabulary, self.policy)
        second = None
        if pairs is not None:
            if len(pairs) != len(texts):
                from albertkit.tokenization.call import unequal_pairs_error

                raise unequal_pairs_error(len(texts), len(pairs))
            second = encode(check_texts(pairs, "pairs"), self.vocabulary, self.policy)
        return assemble(
            first,
            second,
            self.vocabulary.table.specials,
            max_length=max_length,
            truncation=truncation,
            empty_second_dropped=self.policy.empty_second_dropped,
            side=self.truncation_side,
        )

    @check_keywords
    def tokenize(
        self, text: str, pair: str | None = None, *, add_special_tokens: bool = False
    ) -> list[str]:
        """Cut a text into pieces.

        Args:
            text: the first or only text.
            pair: a second text.
            add_special_tokens: whether [CLS] and [SEP] are added.

        Returns:
            The pieces as strings; an unknown piece as the text that it stands for.
        """
        names = self.vocabulary.table.special_names
        first = self._find_names(text)
        second = [] if pair is None else self._find_names(pair)
        if not add_special_tokens:
            return first + second
        end = [] if pair is None else [*second, names.sep]
        return [names.cls, *first, names.sep, *end]

    def _find_names(self, text: str) -> list[str]:
        check_texts([text], "text")
        pieces = encode_text_with_offsets(text, self.vocabulary, self.policy)
        return [piece.name for piece in pieces]

    def __repr__(self) -> str:
        """The number of pieces and the policy."""
        return f"AlbertTokenizer({self.vocab_size:,} pieces, policy {self.policy.name!r})"


ATTRIBUTES = frozenset(
    (
        "vocabulary",
        "policy",
        "policy_reason",
        "model_max_length",
        "truncation_side",
        "padding_side",
    )
)


def _find_policy(policy: str | TokenizerPolicy | None) -> TokenizerPolicy | None:
    return find_policy(policy) if isinstance(policy, str) else policy


def read_token(value: object, is_special: bool) -> AddedToken:
    """An added token from a str or from the tokenizers library's AddedToken."""
    if isinstance(value, str):
        return AddedToken(value, normalized=not is_special, special=is_special)
    content = getattr(value, "content", None)
    if not isinstance(content, str):
        raise InputError(
            "option-invalid",
            f"a new token is {value!r}",
            why="a token is a str or an AddedToken",
            fix="Give its text",
        )
    flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
    given = {name: bool(getattr(value, name, False)) for name in flags}
    return AddedToken(content, **{**given, "special": given["special"] or is_special})
