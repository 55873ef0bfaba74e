"""Training: recipes, the loop, exact resume, several devices. Knows no anatomy and no Qt."""

from xgen_studio.training.batch import Batch, TrainingSet
from xgen_studio.training.recipe import Recipe, load_recipe

__all__ = ["Batch", "Recipe", "TrainingSet", "load_recipe"]
