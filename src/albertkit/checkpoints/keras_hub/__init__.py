"""Keras Hub presets: config.json with HDF5 weights."""
