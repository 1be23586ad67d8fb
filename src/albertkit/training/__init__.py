"""The one training loop, and what a run needs to stop and go on."""
