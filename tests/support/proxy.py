"""A TCP forwarder that misbehaves on command: what a network does to a database connection.

    with TcpProxy("127.0.0.1", 27017) as proxy:
        uri = f"mongodb://127.0.0.1:{proxy.port}/?retryWrites=false"
        proxy.pause()    # connections stay up, connecting works, not one byte passes
        proxy.resume()   # what was held passes now
        with proxy.hold(b"createIndexes") as held:  # like a long index build: this command is not
            held.wait(10)                           # forwarded, all other connections go on
        proxy.reset()    # every connection ends with RST; new ones work
        proxy.refuse()   # and new ones are refused, on the same port, until accept()
        proxy.delay = 0.2  # seconds that each piece of data waits

Two threads for each connection, all daemon threads: nothing outlives the process. Every method may
be called from any thread.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator

CHUNK = 64 * 1024
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST

_ONE_HOST = re.compile(
    r"mongodb://(?P<login>[^/@]*@)?(?P<host>[^/?,:@\[\]]+)(:(?P<port>\d+))?"
    r"(?:/(?P<database>[^?]*)(?:\?(?P<options>.*))?)?$"
)


class NotProxyable(Exception):
    """A forwarder cannot stand in front of this: several hosts, SRV, or TLS (its host name)."""


def host_of(uri: str) -> tuple[str, int]:
    """Host and port that a MongoDB URI names. Raises NotProxyable."""
    found = _ONE_HOST.match(uri)
    if not found or re.search(r"\b(tls|ssl)=true", found["options"] or ""):
        raise NotProxyable("the URI has several hosts, SRV or TLS")
    return found["host"], int(found["port"] or 27017)


def through(uri: str, port: int, address: str = "127.0.0.1") -> str:
    """The same URI by way of a forwarder on that port and address. Raises NotProxyable."""
    host_of(uri)
    found = _ONE_HOST.match(uri)
    assert found
    # Direct: a replica set would tell the driver addresses that lead around the forwarder.
    kept = [
        option
        for option in (found["options"] or "").split("&")
        if not re.match("(replicaSet|directConnection)=|$", option)
    ]
    tail = "&".join([*kept, "directConnection=true"])
    return f"mongodb://{found['login'] or ''}{address}:{port}/{found['database'] or ''}?{tail}"


class Hold:
    """Data for the server that contains `marker` waits in the proxy until release()."""

    def __init__(self, marker: bytes) -> None:
        self.marker = marker
        self._caught = threading.Event()
        self._released = threading.Event()

    def wait(self, timeout: float) -> bool:
        """True as soon as something is held, False after so many seconds."""
        return self._caught.wait(timeout)

    def release(self) -> None:
        """Forward what is held, and hold nothing any more."""
        self._released.set()

    def stop(self, data: bytes) -> None:
        """For the proxy: returns when the data may pass."""
        if self.marker in data and not self._released.is_set():
            self._caught.set()
            self._released.wait()


class Count:
    """How often `marker` was on its way to the server; a small command comes in one piece."""

    def __init__(self, marker: bytes) -> None:
        self.marker = marker
        self.total = 0
        self._lock = threading.Lock()

    def stop(self, data: bytes) -> None:
        """For the proxy: stops nothing."""
        with self._lock:
            self.total += data.count(self.marker)


class TcpProxy:
    """Listens on a free port of one of this machine's addresses and forwards to another."""

    def __init__(
        self, host: str, port: int, *, refusing: bool = False, address: str = "127.0.0.1"
    ) -> None:
        self._target = (host, port)
        self._lock = threading.Lock()
        self._passing = threading.Event()
        self._passing.set()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._holds: list[Hold | Count] = []
        self.delay = 0.0
        self.connections = 0  # accepted so far
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Linux keeps the port over shutdown() only where it was asked for by number.
        with socket.create_server((address, 0)) as free:
            chosen = free.getsockname()
        self._listener.bind(chosen)
        self.port: int = self._listener.getsockname()[1]
        self.uri = f"mongodb://{address}:{self.port}/?retryWrites=false&directConnection=true"
        if not refusing:
            self.accept()

    def __enter__(self) -> TcpProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @classmethod
    def in_front_of(
        cls, uri: str, *, refusing: bool = False, address: str = "127.0.0.1"
    ) -> TcpProxy:
        """A proxy to the host of a MongoDB URI; its own `uri` has the same login and options."""
        proxy = cls(*host_of(uri), refusing=refusing, address=address)
        proxy.uri = through(uri, proxy.port, address)
        return proxy

    def pause(self) -> None:
        """Hold every byte, in both directions, of old and new connections."""
        self._passing.clear()

    def resume(self) -> None:
        """Let pass what was held and what comes."""
        self._passing.set()

    @contextlib.contextmanager
    def hold(self, marker: bytes) -> Iterator[Hold]:
        """Hold what goes to the server and contains `marker` (a command's name).

        Everything that is held is forwarded at the end of the block, or with release().
        """
        hold = Hold(marker)
        self._holds.append(hold)
        try:
            yield hold
        finally:
            self._holds.remove(hold)
            hold.release()

    def count(self, marker: bytes) -> Count:
        """Count what goes to the server and contains `marker`, from now on."""
        counted = Count(marker)
        self._holds.append(counted)
        return counted

    def reset(self) -> None:
        """End every connection with RST."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    end.shutdown(socket.SHUT_RD)  # wakes the thread that reads it
                with contextlib.suppress(OSError):
                    end.close()

    def refuse(self) -> None:
        """Refuse new connections, end the old ones. The port stays ours: bound, not listening."""
        # Ends listening, wakes the thread that accepts, and leaves the socket bound.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self.reset()

    def accept(self) -> None:
        """Accept connections (again)."""
        self._listener.listen(128)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Stop listening and end every connection."""
        self._passing.set()
        self.refuse()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # refuse() or close()
                return
            self.connections += 1
            threading.Thread(target=self._open, args=(client,), daemon=True).start()

    def _open(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._target, timeout=10)
        except OSError:  # nobody behind us: for the client that is a reset
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            client.close()
            return
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (client, server)
        with self._lock:
            self._pairs.add(pair)
        threading.Thread(target=self._pump, args=(server, client, pair), daemon=True).start()
        self._pump(client, server, pair)

    def _pump(
        self, source: socket.socket, sink: socket.socket, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        to_server = source is pair[0]
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if self.delay:
                    time.sleep(self.delay)
                if to_server:
                    for hold in list(self._holds):
                        hold.stop(data)
                self._passing.wait()
                sink.sendall(data)
        with self._lock:
            ours = pair in self._pairs  # else reset() closes it, and a FIN from here would be first
            self._pairs.discard(pair)
        if ours:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
