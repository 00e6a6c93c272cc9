"""Ragged batches of transformer forwards over a shared prefix cache: the engine under both backends."""
