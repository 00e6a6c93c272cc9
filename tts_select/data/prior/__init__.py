"""The shipped prior: when to stop sampling a model that nobody has trained a router for."""
