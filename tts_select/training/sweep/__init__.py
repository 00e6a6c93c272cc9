"""Runs every arm on many problems, keeps the results and reads them again."""
