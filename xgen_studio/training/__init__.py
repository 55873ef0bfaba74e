"""Training: recipes, learners, the loop, exact resume, several devices. Knows no anatomy and no
Qt. `run_folder` is what others read of a training, and loads no torch."""
