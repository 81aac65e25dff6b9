"""The same service without a gate, for `./dev demo race`; nothing to start from."""
