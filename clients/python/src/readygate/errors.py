"""What a wait can end with, other than the gate being open."""

from __future__ import annotations


class GateError(Exception):
    """The gate is not open, and waiting was of no use.

    `state` is the gate's (`initializing`, ...), or `unknown` when nobody answered; `code` is a
    reason code of the gate, `gate_unreachable` when nobody answered.
    """

    def __init__(self, message: str, *, state: str = "unknown", code: str = "unknown") -> None:
        super().__init__(message)
        self.state = state
        self.code = code


class GateTimeout(GateError):
    """Not in time. The message says what stood in the way last."""


class GateFailed(GateError):
    """The gate failed, and `fail_fast` was asked for. It tries again by itself."""


class GateDraining(GateError):
    """The gate closes for good: what is not true now will not be."""


class GateForbidden(GateError):
    """The gate does not answer this user."""


class GateProtocolError(GateError):
    """What answers on the socket is not understood: another program, or another version."""
