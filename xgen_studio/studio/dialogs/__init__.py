"""Dialogs. None stops the window: they open, and answer when the user does."""
