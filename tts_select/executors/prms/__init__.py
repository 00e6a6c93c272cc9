"""PRMs: one file a backend, and the formats in which they read a solution."""
