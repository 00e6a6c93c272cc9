"""Sample logs that others wrote, made sweep logs (docs/import.md)."""
