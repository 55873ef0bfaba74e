"""The knee workspace."""
