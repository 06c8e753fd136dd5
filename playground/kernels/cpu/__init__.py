"""Whole epochs on the processor in one call: Numba, our own matrix product, a team of threads, vector lanes."""
