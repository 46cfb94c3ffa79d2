"""What a search found, read once for pictures and pages: see `run_view.RunView`."""
