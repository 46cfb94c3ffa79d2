"""Pictures of paths, by matplotlib: stills and animations."""
