"""Keywords of other libraries that albertkit does not have, and what to write in their place.

The nearest keyword would mislead here: `backend` is more like `token` than like `engine`.
"""

from __future__ import annotations

SENTENCE_TRANSFORMERS = "it is a keyword of sentence-transformers"
TRANSFORMERS = "it is a keyword of transformers"
NO_CODE = "albertkit runs no code from a checkpoint"
OF_TOKENIZER = "it is a setting of the tokenizer, and a policy holds them all"
ONE_LAYER = "the layers of an ALBERT are one layer, run again and again"
RATES = "Leave it out: freezing or slowing lower layers would do so to all"
POLICY = "Give policy=AlbertTokenizer.from_pretrained(model, {name}=…).policy"

# keyword → (why it is unknown, what to do)
ANSWERS: dict[str, tuple[str, str]] = {
    "model_name_or_path": (SENTENCE_TRANSFORMERS, "Write model=, or give the name first"),
    "backend": (SENTENCE_TRANSFORMERS, 'Write engine="openvino", "torch" or "numpy"'),
    "modules": (SENTENCE_TRANSFORMERS, "Give a directory that sentence-transformers saved"),
    "model_kwargs": (SENTENCE_TRANSFORMERS, "Give what it holds as keywords of its own"),
    "tokenizer_kwargs": (SENTENCE_TRANSFORMERS, "Open the tokenizer with AlbertTokenizer"),
    "config_kwargs": (SENTENCE_TRANSFORMERS, "Write the values into the config.json"),
    "model_card_data": (SENTENCE_TRANSFORMERS, "Leave it out: no model card is written"),
    "pretrained_model_name_or_path": (TRANSFORMERS, "Give the name first, without a keyword"),
    "use_auth_token": (TRANSFORMERS, "Write token="),
    "trust_remote_code": (NO_CODE, "Leave it out"),
    "low_cpu_mem_usage": (TRANSFORMERS, "Leave it out: weights are read when they are used"),
    "use_safetensors": (TRANSFORMERS, "Leave it out: safetensors files are read first"),
    "subfolder": (TRANSFORMERS, "Give the path of the subdirectory"),
    "force_download": (TRANSFORMERS, "Leave it out: an incomplete download is never used"),
    "resume_download": (TRANSFORMERS, "Leave it out: downloads are resumed"),
    "batch_size": ("texts are packed by their lengths", "Leave it out"),
    "use_fast": ("there is one tokenizer, and it is fast", "Leave it out"),
    "pad_to_max_length": (TRANSFORMERS, 'Write padding="max_length"'),
    "truncation_strategy": (TRANSFORMERS, 'Write truncation="longest_first" or another rule'),
    "vocab_file": (TRANSFORMERS, "Write AlbertTokenizer.from_pretrained(path)"),
    "tokenizer_file": (TRANSFORMERS, "Write AlbertTokenizer.from_pretrained(path)"),
    "add_prefix_space": (TRANSFORMERS, "Leave it out: every text begins a word, as in ALBERT"),
    "sp_model_kwargs": (TRANSFORMERS, "Leave it out: ALBERT samples no pieces"),
    "keep_accents": (OF_TOKENIZER, POLICY.format(name="keep_accents")),
    "do_lower_case": (OF_TOKENIZER, POLICY.format(name="do_lower_case")),
    "quantization_config": (TRANSFORMERS, 'Write precision="int8"'),
    "freeze_layers": (ONE_LAYER, RATES),
    "layerwise_learning_rate_decay": (ONE_LAYER, RATES),
    "lora": (ONE_LAYER, "Leave it out: it is small already, and adapters would act in all of it"),
    "load_in_8bit": (TRANSFORMERS, 'Write precision="int8"'),
}
