"""XGen Studio: draw anatomy, get medical images, judge them."""

__version__ = "0.1.0"
