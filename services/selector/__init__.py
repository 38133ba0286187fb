"""Keeps the fit and the different, and promotes what survives its sealed read."""
