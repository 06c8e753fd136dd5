"""What a network is: layers, the plan they become, and the buffer their parameters live in."""
