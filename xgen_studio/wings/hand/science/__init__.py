"""Hand radiographs with 37 landmarks (Hadzic et al. 2024): generate, label, judge, localise."""
