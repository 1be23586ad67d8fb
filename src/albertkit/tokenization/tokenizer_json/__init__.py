"""tokenizer.json, the format of the tokenizers library."""
