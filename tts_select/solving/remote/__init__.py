"""A Ray cluster: joined or started, its actors called, and problems solved on it."""
