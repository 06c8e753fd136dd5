"""Backends that run a Plan: NumPy to read (reference), Numba on the processor (cpu); all with the same functions."""
