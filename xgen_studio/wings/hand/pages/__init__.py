"""The hand in the studio: runs of synthetic hands under review, and landmark editing."""
