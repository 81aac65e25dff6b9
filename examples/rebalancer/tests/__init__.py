"""Tests of the example: `./dev test examples`."""
