"""Evaluation: figures with their n and their interval. Knows no anatomy."""
