"""Hugging Face directories: config.json with safetensors or pytorch_model.bin."""
