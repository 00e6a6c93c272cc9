"""Decides what to run, from plain values: no model is touched here."""
