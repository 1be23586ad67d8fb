"""Checkpoints and TF Hub modules of google-research/albert (TensorFlow 1)."""
