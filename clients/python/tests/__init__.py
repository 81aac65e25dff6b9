"""Tests of the Python client. Its servers and daemons come from the repository's fixtures."""
