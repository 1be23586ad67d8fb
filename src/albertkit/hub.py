"""TF Hub's API in torch tensors: what a preprocessor and an encoder from there answer to."""
