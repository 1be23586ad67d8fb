"""TensorFlow's files: tensor bundles, SavedModels, object graphs."""
