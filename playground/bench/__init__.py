"""Benchmarks: how fast matrix products and training are here, beside the libraries that people know."""
