"""Where the units of a sweep are performed: in this process, or by workers on a cluster."""
