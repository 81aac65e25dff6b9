"""A MongoDB server that does what a test tells it, faults included: server.py says how."""

from .server import ScriptedServer, ScriptError, overloaded, scripted, scripted_set

__all__ = ["ScriptError", "ScriptedServer", "overloaded", "scripted", "scripted_set"]
