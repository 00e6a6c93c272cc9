"""The sweep log: its records, and how they are written and read again."""
