"""What was seen: tables, metrics, results on disk, figures."""
