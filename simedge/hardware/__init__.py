"""What computes and what carries."""
