"""From a name to a table: catalog, configuration, runs, and what people read of them."""
