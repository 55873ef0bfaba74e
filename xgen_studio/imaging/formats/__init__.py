"""Readers of files that others made: every header is checked before anything is unpacked."""
