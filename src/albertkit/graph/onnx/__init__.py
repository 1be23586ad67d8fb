"""The encoder and its heads as nodes of an ONNX graph."""
