"""ONNX directories in float32 or int8."""
