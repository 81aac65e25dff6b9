"""The embedded engines: real, MongoDB-compatible servers for tests, the demo and the bench."""

from .engine import Engine, EngineError

__all__ = ["Engine", "EngineError"]
