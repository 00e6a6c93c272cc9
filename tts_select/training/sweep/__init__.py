"""Every arm on many problems: run, kept, and read again."""
