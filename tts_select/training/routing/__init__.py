"""Learns a router from a sweep log, and replays one on it."""
