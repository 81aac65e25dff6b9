"""A network that misbehaves as real ones do: Toxiproxy, a forwarder with faults for each direction.

    with Toxiproxy() as network:
        link = network.link("127.0.0.1", 27017)
        link.port                              # connect here
        link.add("latency", latency=100)       # ms that each piece of data takes longer, downstream
        link.add("reset_peer", timeout=0)      # every connection, old and new, ends with RST
        link.heal()                            # a good network again

TcpProxy holds single commands; this here knows what a network does to bytes and connections. Its
faults are described in https://github.com/Shopify/toxiproxy#toxics; "downstream" is towards the
client. The program is made in the cache folder when it is first needed (engine/install.py).

As a command:  PYTHONPATH=tests python3 -m support.toxiproxy install
"""

from __future__ import annotations

import http.client
import json
import sys
from typing import Any

from .engine import install, recipe
from .gate.process import Process, free_port, wait_until


class ToxicError(AssertionError):
    """Toxiproxy refused what it was asked; the text has its answer."""


class Link:
    """One forwarder. Made by Toxiproxy.link()."""

    def __init__(self, network: Toxiproxy, name: str, host: str, port: int) -> None:
        self._network, self._path = network, f"/proxies/{name}"
        made = network.ask(
            "POST",
            "/proxies",
            {"name": name, "listen": "127.0.0.1:0", "upstream": f"{host}:{port}", "enabled": True},
        )
        self.port = int(made["listen"].rpartition(":")[2])

    def add(self, kind: str, *, stream: str = "downstream", **attributes: int) -> None:
        """A fault from now on, for connections that are open and for new ones."""
        toxic = {"type": kind, "stream": stream, "attributes": attributes}
        self._network.ask("POST", f"{self._path}/toxics", toxic)

    def heal(self) -> None:
        """Removes every fault. What a fault has swallowed or closed stays so."""
        for toxic in self._network.ask("GET", f"{self._path}/toxics"):
            self._network.ask("DELETE", f"{self._path}/toxics/{toxic['name']}")

    def close(self) -> None:
        """Ends every connection and listens no more."""
        self._network.ask("DELETE", self._path)


class Toxiproxy:
    """The program; it ends with the block, and with the process that started it."""

    def __init__(self) -> None:
        program = install.ensure_program(recipe.TOXIPROXY) / recipe.TOXIPROXY.name
        self._port = free_port()
        self._links = 0
        self._process = Process([program, "-host", "127.0.0.1", "-port", str(self._port)])
        wait_until(self._answers, 10, "Toxiproxy answers", seen=self._process.output)

    def __enter__(self) -> Toxiproxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def link(self, host: str, port: int) -> Link:
        """A forwarder to that address, on a free port of 127.0.0.1."""
        self._links += 1
        return Link(self, f"link{self._links}", host, port)

    def close(self) -> None:
        """Ends it. May be called again."""
        self._process.close()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One request to its HTTP interface; raises ToxicError."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 300:
            raise ToxicError(f"{method} {path}: {answer.status} {text}")
        return json.loads(text) if text else None

    def _answers(self) -> bool:
        try:
            self.ask("GET", "/proxies")
        except OSError:
            return False
        return True


def main(arguments: list[str]) -> int:
    if arguments != ["install"]:
        print("usage: toxiproxy install", file=sys.stderr)
        return 64
    try:
        install.ensure_program(recipe.TOXIPROXY)
    except install.InstallError as error:
        print(f"toxiproxy: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
