"""Settings that hold for every test."""

from hypothesis import settings

# A kernel compiles on its first call: a deadline would time the compiler.
# Derandomised: CI judges the change, not the draw.
settings.register_profile("galapagos", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("galapagos")
