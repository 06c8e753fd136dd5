"""Neural Playground: build a small network, watch it learn, take the weights away."""

__version__ = "0.1.0"
