"""A fifth clinical problem, as somebody else would add it: a folder of its own and one line."""
