"""What decides: one protocol, one file a kind of router, and how a router is kept on disk."""
