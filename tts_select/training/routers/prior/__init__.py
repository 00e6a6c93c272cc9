"""Learns from logs of many models what another sample of any model is worth."""
