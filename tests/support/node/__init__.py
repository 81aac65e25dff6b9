"""A real Kubernetes node on this machine, for the end-to-end tests of the chart."""

from .api import Api, ApiError
from .node import Node, NodeError

__all__ = ["Api", "ApiError", "Node", "NodeError"]
