"""Certificates of every kind, made by the `openssl` program, and a TLS front for a server that has
none: what a database says of itself in a handshake, and what it does when it does not like one.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_CONFIGURATION = """
[ca]
default_ca = it
[it]
dir = {folder}
database = {folder}/index
new_certs_dir = {folder}
serial = {folder}/serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "ca.pem"
        (folder / "index").touch()
        (folder / "serial").write_text("01\n")
        (folder / "ca.cnf").write_text(_CONFIGURATION.format(folder=folder))
        self._openssl(
            "req", "-x509", *_NEW_KEY, "-days", "3650", "-subj", f"/CN={name}",
            "-keyout", "ca.key", "-out", "ca.pem",
        )  # fmt: skip

    def certificate(
        self,
        name: str,
        *,
        names: str = "DNS:localhost,IP:127.0.0.1",
        start: str = "20200101000000Z",
        end: str = "20991231235959Z",
    ) -> Path:
        """A certificate and its key in one file; `names` as for subjectAltName."""
        key, request, out = f"{name}.key", f"{name}.csr", self.folder / f"{name}.pem"
        extension = ["-addext", f"subjectAltName={names}"]
        self._openssl(
            "req", *_NEW_KEY, "-subj", f"/CN={name}", *extension, "-keyout", key, "-out", request
        )
        self._openssl(
            "ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key",
            "-startdate", start, "-enddate", end, "-in", request, "-out", f"{name}.crt",
        )  # fmt: skip
        pem = (self.folder / f"{name}.crt").read_text() + (self.folder / key).read_text()
        out.write_text(pem)
        return out

    def encrypted(self, name: str, passphrase: str) -> Path:
        """A certificate whose key in the file is encrypted."""
        whole = self.certificate(name)
        out = self.folder / f"{name}-encrypted.pem"
        self._openssl(
            "pkcs8", "-topk8", "-in", f"{name}.key", "-out", f"{name}.enc",
            "-passout", f"pass:{passphrase}",
        )  # fmt: skip
        certificate = whole.read_text().partition("-----BEGIN PRIVATE KEY")[0]
        out.write_text(certificate + (self.folder / f"{name}.enc").read_text())
        return out

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass
class Manner:
    """How a front behaves; may be replaced while it listens."""

    pem: Path | None = None  # its certificate; None: it does not speak TLS
    clients: Path | None = None  # the authority of client certificates, one of which it demands
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    alert: int | None = None  # sent instead of an answer to the first message
    hang: bool = False  # nothing is ever answered
    close: bool = False  # after the first message


class TlsFront:
    """On 127.0.0.1 before the server at `port`, from `with` to its end."""

    def __init__(self, port: int, manner: Manner) -> None:
        self.manner = manner
        self._behind = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = [self._listening]
        self._lock = threading.Lock()

    def uri(self, options: str, host: str = "127.0.0.1") -> str:
        """mongodb://… to it; `options` as in a query string."""
        return f"mongodb://{host}:{self.port}/?retryWrites=false&{options}"

    def __enter__(self) -> TlsFront:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                one, _ = self._listening.accept()
                with self._lock:
                    self._open.append(one)
                threading.Thread(target=self._serve, args=(one, self.manner), daemon=True).start()

    def _serve(self, one: socket.socket, manner: Manner) -> None:
        with contextlib.suppress(OSError, ValueError):
            if manner.hang:
                while one.recv(4096):
                    pass
                return
            if manner.alert is not None or manner.close:
                one.recv(4096)
                if manner.alert is not None:
                    one.sendall(bytes((21, 3, 1, 0, 2, 2, manner.alert)))
                one.close()
                return
            self._forward(self._wrapped(one, manner))

    def _wrapped(self, one: socket.socket, manner: Manner) -> socket.socket:
        if manner.pem is None:
            return one
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = manner.newest
        context.load_cert_chain(manner.pem)
        if manner.clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(manner.clients)
        wrapped = context.wrap_socket(one, server_side=True)
        with self._lock:
            self._open.append(wrapped)
        return wrapped

    def _forward(self, near: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._behind)) as far:

            def back() -> None:
                with contextlib.suppress(OSError, ValueError):
                    while data := far.recv(65536):
                        near.sendall(data)
                with contextlib.suppress(OSError):
                    near.shutdown(socket.SHUT_RDWR)

            threading.Thread(target=back, daemon=True).start()
            while data := near.recv(65536):
                far.sendall(data)
