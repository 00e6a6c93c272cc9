"""Trains the embedded world: policies on canonical solutions, PRMs on what the policies write."""
