"""The engine that OpenVINO compiles for this processor."""
