"""What a search did and why, kept in files and shown in a page."""
