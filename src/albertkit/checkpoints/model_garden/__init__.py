"""TensorFlow 2 checkpoints of the TensorFlow Model Garden."""
