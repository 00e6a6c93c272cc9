"""What an OpenAI-compatible server is asked, what it can do, and how its answers are read."""
