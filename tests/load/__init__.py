"""A real server under a load that does not wait for it: `make load`."""
