"""`hub.load` without TensorFlow: an encoder or a preprocessor of any format.

    preprocessor = hub.load("albert_en_preprocess_3")
    encoder = hub.load("albert_en_base_3")
    outputs = encoder(preprocessor(["How old are you?"]))

Importing this module does not import torch; the first call does.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from albertkit.checkpoints import resolve_path
from albertkit.checkpoints.tfhub.metadata import DEFAULT_LENGTH
from albertkit.errors import FormatError, InputError, import_extra
from albertkit.errors.arguments import check_keywords
from albertkit.fileformats.tensorflow.saved_model import read_saved_model
from albertkit.fileformats.tensorflow.saved_model_files import is_saved_model
from albertkit.runtime import LoadOptions, open_model
from albertkit.sources import resolve_location
from albertkit.tokenization import AlbertTokenizer, TokenizerPolicy

if TYPE_CHECKING:
    from albertkit.hub.encoder import Encoder
    from albertkit.hub.preprocessor import Preprocessor

LOGGER = logging.getLogger(__name__)

# Errors of locations without weights, which may be a preprocessor or a vocabulary.
WITHOUT_WEIGHTS = frozenset({"file-wrong-format", "checkpoint-unrecognised", "file-not-found"})


@check_keywords
def load(
    handle: str | Path,
    *,
    policy: str | TokenizerPolicy | None = None,
    num_hidden_layers: int | None = None,
    num_attention_heads: int | None = None,
    hidden_act: str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
) -> Encoder | Preprocessor:
    """Open an encoder or a preprocessor.

    Args:
        handle: a checkpoint of any format, or a name that `albertkit.load` takes.
        policy: overrides the tokenizer policy; "tfhub" reads text as albert_en_preprocess does.
        num_hidden_layers: for checkpoints whose files lack it.
        num_attention_heads: for checkpoints whose files lack it.
        hidden_act: for checkpoints whose files lack it.
        revision: a branch, tag or commit of a hub's repository.
        token: for private models. None: the one saved on this machine, or HF_TOKEN. False: none.
        cache_dir: directory for downloaded files. None: the hub's own.
        local_files_only: never use the network.

    Returns:
        An Encoder if there are weights, with the tokenizer as its `preprocessor`; else a
        Preprocessor.

    Raises:
        ResourceError: [extra-missing] without torch.
        InputError: [pooler-missing].
        AlbertKitError: the errors of fetching and reading the files.
    """
    import_extra("torch", "albertkit.hub")
    from albertkit.hub.encoder import Encoder
    from albertkit.hub.preprocessor import Preprocessor

    options = LoadOptions(
        policy=policy,
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=num_attention_heads,
        hidden_act=hidden_act,
        revision=revision,
        token=token,
        cache_dir=cache_dir,
        local_files_only=local_files_only,
    )
    try:
        model = open_model(handle, options)
    except (FormatError, InputError) as error:
        if error.diagnostic.code not in WITHOUT_WEIGHTS:
            raise
        path = resolve_location(handle, options.fetch_options)
        tokenizer = _read_tokenizer(path, policy)
        if tokenizer is None:
            raise
        return Preprocessor(tokenizer, _read_default_length(path) or DEFAULT_LENGTH)
    for note in model.notes:
        LOGGER.info("%s", note.line())
    tokenizer = model.optional_tokenizer
    if tokenizer is None:
        return Encoder(model.weights)
    length = min(DEFAULT_LENGTH, model.config.max_position_embeddings)
    return Encoder(model.weights, Preprocessor(tokenizer, length))


def _read_tokenizer(path: Path, policy: str | TokenizerPolicy | None) -> AlbertTokenizer | None:
    """The tokenizer of a location without weights; None if it has none either."""
    try:
        return AlbertTokenizer.from_path(path, policy=policy)
    except FormatError as error:
        if error.diagnostic.code != "no-vocabulary":
            raise
        return None


def _read_default_length(path: Path) -> int | None:
    """Ids in a row that a preprocessor's graph returns; None if `path` is not a preprocessor."""
    try:
        resolved = resolve_path(path)
    except FormatError:  # a vocabulary file
        return None
    if not is_saved_model(resolved.path):
        return None
    shapes = read_saved_model(resolved.path).output_shapes("__call__")
    lengths = {shape[1] for shape in shapes.values() if len(shape) == 2}
    return lengths.pop() if len(lengths) == 1 else None
