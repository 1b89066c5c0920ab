"""Video analytics: Distream's parts and its rivals (chapter 1)."""
