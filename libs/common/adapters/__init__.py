"""Adapters: the only modules that know a client library."""
