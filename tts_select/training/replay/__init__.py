"""A log replayed: what any arm or router would have answered and cost, without a model."""
