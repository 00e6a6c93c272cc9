"""The embedded world: a synthetic suite of step-by-step problems, its exact checker and its tokenizer."""
