"""Looks at packages, devices, servers, checkpoints, placement and routers, and says what to do."""
