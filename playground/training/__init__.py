"""Running an experiment: the trainer, its thread, and all that is measured, chosen and diagnosed on the way."""
