"""What an evaluation has found, as a page, plots and JSON."""
