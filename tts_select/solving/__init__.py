"""Where deciding meets running: one session for every router and every method, alone or many at once."""
