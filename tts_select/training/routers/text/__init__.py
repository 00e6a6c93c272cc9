"""Learns from a log what the text of a problem alone says."""
