"""One self-contained HTML page on one or several runs."""
