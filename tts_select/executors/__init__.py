"""Runs what was planned, and decides nothing."""
