"""Tables into files and sharded directories."""
