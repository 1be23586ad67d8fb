"""TF Hub's encoders and preprocessors as SavedModels of TensorFlow 2."""
