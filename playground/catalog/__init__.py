"""What can be chosen: activations, losses, optimizers, initializers, tasks, metrics; one record per choice."""
