"""What a router is worth on problems that it never saw: measured, drawn and written down."""
