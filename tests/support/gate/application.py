"""The example service, started the way a team would: behind `readygate wait`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .binary import readygate, repository
from .http import Answer, get, post
from .process import Process, free_port, wait_until


class Application:
    """`readygate wait -- uvicorn rebalancer.app:app` on a free port; ends with its `with` block.

    `socket` None starts it unguarded, for comparison: with the gate's kill switch. The Python that
    runs us runs it, so that must be one with the example's requirements.
    """

    def __init__(
        self,
        uri: str,
        database: str,
        socket: Path | None,
        *,
        wait_options: Sequence[str] = (),
        port: int | None = None,
    ) -> None:
        self.port = port or free_port()
        example = repository() / "examples" / "rebalancer"
        uvicorn = [sys.executable, "-m", "uvicorn", "rebalancer.app:app"]
        uvicorn += ["--app-dir", str(example), "--host", "127.0.0.1", "--port", str(self.port)]
        guard: list[str] = []
        gate = {"READYGATE_DISABLE": "1"}
        if socket:
            gate = {"READYGATE_GATE_SOCKET": str(socket)}
            guard = [str(readygate()), "wait", "--socket", str(socket), *wait_options, "--"]
        self.process = Process(
            [*guard, *uvicorn],
            environment={
                **gate,
                "PYTHONPATH": str(repository() / "clients" / "python" / "src"),
                "MONGODB_URI": uri,
                "MONGODB_DATABASE": database,
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUNBUFFERED": "1",
            },
            name="application",
        )

    def __enter__(self) -> Application:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.print_log()
        self.close()

    def get(self, path: str, *, timeout: float = 3) -> Answer:
        """One request to it."""
        return get(self.port, path, timeout=timeout)

    def post(self, path: str, body: Any) -> Answer:
        """One request with a JSON body."""
        return post(self.port, path, body)

    def wait_serving(self, timeout: float = 60) -> None:
        """Until its own readiness says 200; its health does so while it initializes."""
        wait_until(
            lambda: self.get("/health/ready").code == 200,
            timeout,
            "the application serves",
            seen=self.process.output,
        )

    def close(self) -> None:
        self.process.close()
