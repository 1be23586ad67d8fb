"""The encoder and its heads, written once over an Emitter."""
