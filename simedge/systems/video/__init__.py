"""Smart cameras, uplinks and an edge cluster (chapter 1)."""
