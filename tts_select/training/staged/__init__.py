"""Learns staged decisions from the samples of a log: draw, look, stop or go on or ask another policy."""
