"""Policies inside simulated time."""
