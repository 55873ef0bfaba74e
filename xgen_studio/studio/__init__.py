"""The Qt application. Nothing here loads torch before the first paint."""
