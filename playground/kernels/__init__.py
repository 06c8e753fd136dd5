"""Backends that run a Plan, all with the same functions: NumPy to read, Numba on the processor, CUDA on a GPU; see README.md."""

# Where each one is; the command line reads their names without importing any.
BACKENDS = {
    "cpu": "playground.kernels.cpu.backend",
    "cuda": "playground.kernels.cuda.backend",
    "reference": "playground.kernels.reference.backend",
}
# What can be asked for: one of them, or the fastest.
BACKEND_CHOICES = ("auto", *BACKENDS)
