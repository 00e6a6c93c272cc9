"""Learns a look-ahead router from a sweep log."""
