"""An OpenAI-compatible server over sessions: its routes, who may spend what, and what it says of each run."""
