"""The same jobs from a terminal. The only room that prints."""
