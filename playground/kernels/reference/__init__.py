"""The backend in plain NumPy, in float64: what every other backend is compared with, and what people read first."""
