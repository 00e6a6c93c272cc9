"""Learns a ladder from the samples of a log: draw, look, then stop, go on or ask another policy."""
