"""Every code that an error or warning can carry, with the one sentence that explains it.

Codes never change and are never reused. A test finds each one raised, and each raised one here.
"""

from __future__ import annotations

CODES: dict[str, str] = {
    # configuration
    "config-value-invalid": "A field of a model configuration has an impossible value.",
    "config-not-albert": "A config.json belongs to a model that is not ALBERT.",
    "unknown-preset": "No preset has this name.",
    "unknown-head": "No head has this name.",
    # files
    "file-not-found": "A file or directory that was named does not exist.",
    "file-truncated": "A file ends before the data that its header promises.",
    "file-foreign": "A file is not of the kind that its name or its use says.",
    "file-malformed": "A file contradicts itself.",
    "json-malformed": "A JSON file cannot be parsed.",
    "write-failed": "A file could not be written; what was there before is untouched.",
    "float16-overflow": "A weight is too large for the 16-bit floats that were asked for.",
    # checkpoints
    "checkpoint-unrecognised": "A directory holds no checkpoint of a format that is known.",
    "checkpoint-without-encoder": "A checkpoint lacks tensors of the ALBERT encoder.",
    "checkpoint-misshaped": "A tensor of a checkpoint has another shape than its config says.",
    "checkpoint-shards-broken": "The index of a sharded checkpoint and its files disagree.",
    "checkpoint-head-missing": "A checkpoint's config names a head that its tensors don't hold.",
    "checkpoint-extra-tensors": "A checkpoint holds tensors that no part of the model reads.",
    "checkpoint-prefix": "A checkpoint's tensor names stand behind a foreign prefix.",
    "checkpoint-untied": "A checkpoint's word matrix for prediction is not its word table.",
    "vocabulary-mismatch": "A tokenizer's pieces and a model's rows of the word table disagree.",
    # engine
    "encoding-empty": "An encoding without a single id was given to an engine.",
    "head-missing": "A head was asked for that the loaded model does not have.",
    "id-out-of-range": "An id is not in the model's vocabulary.",
    "pooler-missing": "Pooled vectors were asked of a model that was saved without a pooler.",
    "text-too-long": "A text has more positions than the model's table.",
    "type-id-out-of-range": "A type id is not in the model's table of types.",
    # text
    "lone-surrogate": "A text holds half of a character, which no encoding can store.",
    "max-length-too-small": "A length limit leaves no room for the special tokens.",
    "no-vocabulary": "A directory holds no vocabulary.",
    "pairs-unequal": "The numbers of first and second texts differ.",
    "special-piece-missing": "A vocabulary lacks a special piece such as [CLS].",
    "text-not-a-string": "Something that is no str was given where a text belongs.",
    "truncation-impossible": "A pair cannot be made short enough by the rule that was asked for.",
    "unknown-policy": "No text policy has this name.",
    # models and their inputs
    "argument-given-twice": "An input is given twice, under one name or under two.",
    "extra-missing": "A library of an optional extra is not installed.",
    "ids-not-whole": "Ids, types, positions or labels are not whole numbers.",
    "inputs-empty": "A batch holds no ids.",
    "inputs-missing": "A model is called without input_ids and without inputs_embeds.",
    "inputs-ragged": "An input cannot be made an array, mostly since its rows differ in length.",
    "inputs-rank": "An input has too few or too many axes.",
    "inputs-shape": "An input has another shape than the others, or than the model takes.",
    "label-out-of-range": "A label is not a class of the head.",
    "mask-and-types-swapped": "The values of attention mask and token types show them swapped.",
    "mask-hides-everything": "An attention mask is zero in a whole row.",
    "mask-values": "An attention mask holds other values than 0 and 1.",
    "model-argument-invalid": "An argument for opening a model has an unknown value.",
    "position-out-of-range": "A position is not in the model's table, or not in the text.",
    "text-not-ids": "Text is given where a model reads ids.",
    "unknown-argument": "A model is called with an argument that it doesn't have.",
}
