"""The spine workspace."""
