"""ALBERT in torch: to be read and to be trained."""
