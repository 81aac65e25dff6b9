"""What the tests share: the embedded engine, and drivers for the programs under test."""
