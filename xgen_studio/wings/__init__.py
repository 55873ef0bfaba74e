"""The wings of the house, a folder each; `registry` lists them."""
