"""Writes what happened into the store, from the topics."""
