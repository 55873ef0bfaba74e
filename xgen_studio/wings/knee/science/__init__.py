"""The knee wing: radiographs from masks, masks from radiographs, and simulated knees."""
