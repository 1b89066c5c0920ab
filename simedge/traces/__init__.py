"""What arrives from outside, with timestamps."""
