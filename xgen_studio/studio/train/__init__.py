"""The Train workspace: starts trainings, and watches those that run, whoever started them."""
