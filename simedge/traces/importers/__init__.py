"""Published file layouts, read into the formats of ``traces/README.md``."""
