"""Starting and observing readygate from its outside: the daemon, its clients, an application.

    with Daemon(uri, schema=SCHEMA) as daemon:
        daemon.wait_state("ready")
        assert daemon.probe("/health/ready").code == 200
        print(daemon.status()["reason"], daemon.messages())

Used by the end-to-end and integration tests and by the demo. Every wait has a deadline, and what
runs out of it says what was seen instead, with the log.
"""

from .application import Application
from .binary import WAITERS, build_dir, readygate, repository, waiter
from .daemon import COMPLETED, FAILED, STARTING, Applied, Daemon, Exited, facts_in
from .http import Answer, get, unix_line, unix_request
from .process import Process, Timeout, bare_environment, free_port, wait_until
from .watch import Watch

__all__ = [
    "COMPLETED",
    "FAILED",
    "STARTING",
    "WAITERS",
    "Answer",
    "Application",
    "Applied",
    "Daemon",
    "Exited",
    "Process",
    "Timeout",
    "Watch",
    "bare_environment",
    "build_dir",
    "facts_in",
    "free_port",
    "get",
    "readygate",
    "repository",
    "unix_line",
    "unix_request",
    "wait_until",
    "waiter",
]
