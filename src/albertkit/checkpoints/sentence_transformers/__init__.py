"""sentence-transformers directories: modules.json, an encoder, pooling and dense modules."""
