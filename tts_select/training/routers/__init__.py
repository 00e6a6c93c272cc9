"""Trains routers from logs: one package for each kind."""
