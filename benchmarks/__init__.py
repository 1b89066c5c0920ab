"""Benchmarks, and the plain SimPy model that they compare with."""
