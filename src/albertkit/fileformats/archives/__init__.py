"""Tar and zip archives from untrusted sources."""
