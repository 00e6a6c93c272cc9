"""From a log to a router: one package a kind."""
