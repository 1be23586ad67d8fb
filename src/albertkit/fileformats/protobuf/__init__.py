"""Protocol buffers without a schema compiler."""
