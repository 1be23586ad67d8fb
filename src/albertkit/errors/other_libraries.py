"""Keywords and methods of other libraries that albertkit does not have, and what to write instead.

The nearest keyword would mislead here: `backend` is more like `token` than like `engine`.
"""

from __future__ import annotations

from collections.abc import Mapping

from albertkit.errors.exceptions import InputError

SENTENCE_TRANSFORMERS = "it is a keyword of sentence-transformers"
TRANSFORMERS = "it is a keyword of transformers"
NO_CODE = "albertkit runs no code from a checkpoint"
OF_TOKENIZER = "it is a setting of the tokenizer, and a policy holds them all"
ONE_LAYER = "the layers of an ALBERT are one layer, run again and again"
RATES = "Leave it out: it would freeze or slow down all layers"
INT8 = 'Give precision="int8" to a task: TextEmbedder(model, precision="int8")'
NUMBER_TYPE = 'Give a task precision="bfloat16" or "float32"; the models in torch take dtype='
OUTPUTS = "Give it to the call: model(**batch, {name}=True)"
POLICY = "Give policy=AlbertTokenizer.from_pretrained(model, {name}=…).policy"

# a setting of training, in a recipe or as a keyword → (why it is unknown, what to do)
TRAINING_ANSWERS: dict[str, tuple[str, str]] = {
    "freeze_layers": (ONE_LAYER, RATES),
    "layerwise_learning_rate_decay": (ONE_LAYER, RATES),
    "layerwise_lr_decay": (ONE_LAYER, RATES),
    "lora": (ONE_LAYER, "Leave it out: an adapter would act in each run of that layer"),
    "num_train_epochs": (TRANSFORMERS, "Write epochs"),
    "per_device_train_batch_size": (TRANSFORMERS, "Write batch_size, over all batches and ranks"),
    "bf16": (TRANSFORMERS, 'Write precision = "bfloat16"'),
    "fp16": (TRANSFORMERS, 'Write precision = "bfloat16", which needs no loss scale'),
}
# keyword → (why it is unknown, what to do)
ANSWERS: dict[str, tuple[str, str]] = {
    **TRAINING_ANSWERS,
    "model_name_or_path": (SENTENCE_TRANSFORMERS, "Write model=, or give the name first"),
    "backend": (SENTENCE_TRANSFORMERS, 'Write engine="native", "openvino", "torch" or "numpy"'),
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
    "quantization_config": (TRANSFORMERS, INT8),
    "load_in_8bit": (TRANSFORMERS, INT8),
    "dtype": (TRANSFORMERS, NUMBER_TYPE),
    "torch_dtype": (TRANSFORMERS, NUMBER_TYPE),
    "position_embedding_type": (TRANSFORMERS, "Leave it out: ALBERT's positions are absolute"),
    "tokenizer": (TRANSFORMERS, "Leave it out: the model's own tokenizer is read"),
    "framework": (TRANSFORMERS, 'Leave it out, or write engine="torch"'),
    "device_map": (TRANSFORMERS, 'Write device="auto"'),
    "output_attentions": ("it belongs to a call", OUTPUTS.format(name="output_attentions")),
    "output_hidden_states": ("it belongs to a call", OUTPUTS.format(name="output_hidden_states")),
    "is_decoder": (TRANSFORMERS, "Leave it out: ALBERT is an encoder"),
    "use_cache": (TRANSFORMERS, "Leave it out: ALBERT is an encoder, which keeps no past tokens"),
    "return_dict": (TRANSFORMERS, "Leave it out here; a call of a torch model takes it"),
    "from_tf": (TRANSFORMERS, "Leave it out: the format of a checkpoint is recognised"),
    "from_flax": (TRANSFORMERS, "Leave it out: the format of a checkpoint is recognised"),
    "model_max_length": (TRANSFORMERS, "Write max_length= in the tokenizer's call or in the task"),
    "pooling": ("it belongs to the embedder", 'Give it to TextEmbedder(model, pooling="cls")'),
    "truncation": ("it cannot be set here", "Give it to TextEmbedder or in the tokenizer's call"),
    "num_threads": (
        "the processors of the process are used",
        "Set the variable OMP_NUM_THREADS before the start",
    ),
    "top_k": (
        "it belongs to a call",
        "Give it where the task is called: classifier(texts, top_k=2)",
    ),
}

METHOD = "it is a method of sentence-transformers"
MODULE = "an embedder is no torch module"
ONE_PROCESS = (METHOD, "Call encode(texts): one process uses all cores")
UPLOAD = ("albertkit uploads nothing", "Call save_pretrained(path), then upload the directory")
WEIGHTS = (MODULE, "For weights and gradients open AlbertModel.from_pretrained(path)")
PRECISION = (MODULE, 'Open it with TextEmbedder(model, precision="bfloat16") or "float32"')
DEVICE = (MODULE, 'Open it with TextEmbedder(model, device="cuda") or "cpu"')
ADAPTER = (METHOD, "Merge the adapter into its base model with peft (merge_and_unload)")
TRAINING = (METHOD, "Train a model with `albertkit finetune` or `albertkit distil`")

# method or attribute → (why TextEmbedder has none, what to do)
EMBEDDER_ANSWERS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("encode_multi_process", "start_multi_process_pool", "stop_multi_process_pool"), ONE_PROCESS
    ),
    **dict.fromkeys(("fit", "old_fit", "train", "gradient_checkpointing_enable"), TRAINING),
    **dict.fromkeys(("half", "bfloat16", "float", "double", "type"), PRECISION),
    **dict.fromkeys(("cuda", "cpu", "share_memory"), DEVICE),
    **dict.fromkeys(("push_to_hub", "save_to_hub"), UPLOAD),
    **dict.fromkeys(("add_adapter", "load_adapter", "set_adapter"), ADAPTER),
    **dict.fromkeys(
        (
            "children",
            "forward",
            "load_state_dict",
            "modules",
            "named_children",
            "named_modules",
            "named_parameters",
            "parameters",
            "register_forward_hook",
            "requires_grad_",
            "state_dict",
            "transformers_model",
            "zero_grad",
        ),
        WEIGHTS,
    ),
    "compile": (MODULE, "Leave it out: engines are compiled at their first call"),
    "config": (METHOD, "Read embedder.model.config"),
    "dtype": (METHOD, "Read embedder.model.engines.precision"),
    "evaluate": (METHOD, "Call the evaluator: evaluator(embedder)"),
    "get_backend": (METHOD, "Read embedder.model.engines.wanted"),
    "preprocess": (METHOD, "Call tokenize(texts)"),
    "truncate_sentence_embeddings": (METHOD, "Set truncate_dim, or give it to encode"),
}
# method or attribute → (why AlbertTokenizer has none, what to do)
TOKENIZER_ANSWERS: Mapping[str, tuple[str, str]] = {
    "apply_chat_template": ("ALBERT was trained with no chats", "Give a text, or a pair of texts"),
    "backend_tokenizer": (TRANSFORMERS, "Open the tokenizer.json that save_pretrained writes"),
    "push_to_hub": UPLOAD,
    "train_new_from_iterator": (TRANSFORMERS, "Make a vocabulary with `albertkit vocabulary`"),
}


class UnknownMethodError(InputError, AttributeError):
    """An object of ours has no such method or attribute; so `hasattr` is False."""


def missing_attribute_error(
    owner: object, name: str, answers: Mapping[str, tuple[str, str]]
) -> AttributeError:
    """Make the error for an attribute that an object does not have.

    Args:
        owner: The object.
        name: The attribute.
        answers: What to write in place of the methods of other libraries.

    Returns:
        UnknownMethodError [unknown-method] if there is an answer, else an AttributeError, whose
        traceback names the nearest attribute.
    """
    what = f"{type(owner).__name__} has no attribute {name!r}"
    if name not in answers:
        return AttributeError(what, name=name, obj=owner)
    why, fix = answers[name]
    return UnknownMethodError("unknown-method", what, why=why, fix=fix)
