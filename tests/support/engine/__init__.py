"""The embedded engine: a real, MongoDB-compatible server for tests, the demo and the bench."""

from .engine import Engine, EngineError

__all__ = ["Engine", "EngineError"]
