"""TLS that does not come about: what OpenSSL found, or the server said, decides what is advised."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.gate import Daemon, Process, readygate
from support.scripted import ScriptedServer, scripted
from support.tls import Authority, Manner, TlsFront

__all__ = ["scripted"]  # a fixture, found by name

MakeDaemon = Callable[..., Daemon]
SCHEMA = 'schema = "s"\ndatabase = "s"\nversion = 1\nmin_open = 1\n[[collection]]\nname = "c"\n'


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def good(authority: Authority) -> Path:
    return authority.certificate("good")


@pytest.fixture
def front(scripted: ScriptedServer) -> Iterator[TlsFront]:
    with TlsFront(scripted.port, Manner()) as started:
        yield started


def says(daemon: Daemon, code: str, *parts: str, timeout: float = 20) -> dict[str, Any]:
    """Until the status has that code and all these parts in its reason."""
    return daemon.wait_status(
        lambda s: s["code"] == code and all(part in s["reason"] for part in parts),
        f"{code}: {parts}",
        timeout,
    )


def start(make_daemon: MakeDaemon, front: TlsFront, options: str, **settings: Any) -> Daemon:
    return make_daemon(front.uri(options), SCHEMA, settings=settings).start()


# The server's certificate.


def test_an_expired_certificate(
    make_daemon: MakeDaemon, front: TlsFront, authority: Authority, good: Path
) -> None:
    front.manner = Manner(pem=authority.certificate("old", end="20210203040500Z"))
    daemon = start(make_daemon, front, f"tls=true&tlsCAFile={authority.file}")
    where = f"the certificate of 127.0.0.1:{front.port}"
    says(daemon, "tls_failed", f"{where} expired on 2021-02-03 04:05 UTC; here it is 20", "Renew")
    front.manner = Manner(pem=good)
    daemon.wait_state("ready", timeout=30)


def test_a_certificate_of_the_future(
    make_daemon: MakeDaemon, front: TlsFront, authority: Authority
) -> None:
    front.manner = Manner(pem=authority.certificate("new", start="20980101000000Z"))
    daemon = start(make_daemon, front, f"tls=true&tlsCAFile={authority.file}")
    says(daemon, "tls_failed", "not valid before 2098-01-01 00:00 UTC", "clock")


def test_a_certificate_for_another_host(
    make_daemon: MakeDaemon, front: TlsFront, authority: Authority
) -> None:
    names = "DNS:db.internal,IP:10.1.2.3"
    front.manner = Manner(pem=authority.certificate("elsewhere", names=names))
    daemon = start(make_daemon, front, f"tls=true&tlsCAFile={authority.file}")
    is_for = "is for db.internal, 10.1.2.3, and not for 127.0.0.1"
    says(daemon, "tls_failed", is_for, "tlsAllowInvalidHostnames=true")


@pytest.mark.parametrize("allowed", ["tlsAllowInvalidHostnames", "tlsInsecure"])
def test_what_the_uri_allows_is_no_trouble(
    make_daemon: MakeDaemon, front: TlsFront, authority: Authority, allowed: str
) -> None:
    front.manner = Manner(pem=authority.certificate(f"other-{allowed}", names="DNS:db.internal"))
    options = f"tls=true&tlsCAFile={authority.file}&{allowed}=true"
    start(make_daemon, front, options).wait_state("ready", timeout=30)


def test_an_unknown_authority(
    make_daemon: MakeDaemon, front: TlsFront, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other", name="Somebody Else")
    front.manner = Manner(pem=other.certificate("theirs"))
    daemon = start(make_daemon, front, f"tls=true&tlsCAFile={authority.file}")
    ours = f"those of tlsCAFile in the URI ({authority.file})"
    by = f"is signed by CN=Somebody Else, which is not among {ours}"
    says(daemon, "tls_failed", by, "Set tlsCAFile in the URI")


def test_no_authority_at_all(
    make_daemon: MakeDaemon, front: TlsFront, authority: Authority, tmp_path: Path
) -> None:
    own = Authority(tmp_path / "own", name="127.0.0.1")
    (tmp_path / "own.pem").write_text(own.file.read_text() + (own.folder / "ca.key").read_text())
    front.manner = Manner(pem=tmp_path / "own.pem")
    daemon = start(make_daemon, front, "tls=true")
    says(daemon, "tls_failed", "is signed by itself", "authorities that this system trusts")


# The client's.


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_client_certificate(
    make_daemon: MakeDaemon,
    front: TlsFront,
    authority: Authority,
    good: Path,
    newest: ssl.TLSVersion,
) -> None:
    front.manner = Manner(pem=good, clients=authority.file, newest=newest)
    daemon = start(make_daemon, front, f"tls=true&tlsCAFile={authority.file}")
    wants = f"127.0.0.1:{front.port} wants a client certificate, and the URI names none"
    says(daemon, "tls_failed", wants, "Set tlsCertificateKeyFile in the URI")
    client = authority.certificate(f"client-{newest.name}")
    options = f"tls=true&tlsCAFile={authority.file}&tlsCertificateKeyFile={client}"
    start(make_daemon, front, options).wait_state("ready", timeout=30)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_expired_fails_until_the_file_is_renewed(
    make_daemon: MakeDaemon,
    front: TlsFront,
    authority: Authority,
    good: Path,
    newest: ssl.TLSVersion,
    tmp_path: Path,
) -> None:
    front.manner = Manner(pem=good, clients=authority.file, newest=newest)
    client = tmp_path / "client.pem"
    client.write_text(authority.certificate("client-old", end="20220101000000Z").read_text())
    options = f"tls=true&tlsCAFile={authority.file}&tlsCertificateKeyFile={client}"
    daemon = start(make_daemon, front, options, init={"failed_retry": "0s"})
    refused = f"refuses the client certificate of {client}: it expired on 2022-01-01 00:00 UTC"
    says(daemon, "ca_file_invalid", refused, "picked up without a restart")
    daemon.wait_state("failed")
    client.write_text(authority.certificate("client-new").read_text())
    daemon.wait_state("ready", timeout=30)


def test_a_client_certificate_of_an_authority_that_the_server_does_not_know(
    make_daemon: MakeDaemon, front: TlsFront, authority: Authority, good: Path, tmp_path: Path
) -> None:
    front.manner = Manner(pem=good, clients=authority.file)
    client = Authority(tmp_path / "other").certificate("stranger")
    options = f"tls=true&tlsCAFile={authority.file}&tlsCertificateKeyFile={client}"
    daemon = start(make_daemon, front, options)
    refused = f"refuses the client certificate of {client} (alert 48 (unknown_CA))"
    says(daemon, "tls_failed", refused, "signed by an authority in the server's CA file")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("encrypted", "its key is encrypted, and the URI has no tlsCertificateKeyFilePassword"),
        ("wrong passphrase", "tlsCertificateKeyFilePassword of the URI does not open it"),
        ("mismatch", "its key is not that of its certificate"),
    ],
)
def test_a_key_that_cannot_be_used_is_named_and_nobody_is_asked(
    authority: Authority, good: Path, tmp_path: Path, kind: str, said: str
) -> None:
    password = ""
    if kind == "mismatch":
        pem = tmp_path / "mixed.pem"
        key = good.read_text().partition("-----BEGIN PRIVATE KEY")
        other = authority.certificate("mixed").read_text().partition("-----BEGIN PRIVATE KEY")
        pem.write_text(other[0] + key[1] + key[2])
    else:
        pem = authority.encrypted("locked", "open-sesame")
        password = "&tlsCertificateKeyFilePassword=shut" if kind == "wrong passphrase" else ""
    (tmp_path / "schema.toml").write_text(SCHEMA)
    uri = f"mongodb://127.0.0.1:1/?tls=true&tlsCertificateKeyFile={pem}{password}"
    command = [readygate(), "check", "--schema", str(tmp_path / "schema.toml")]
    with Process([*command, "--mongodb-uri", uri], name="check") as process:
        assert process.wait(10) == 78, process.output()
        assert f"tlsCertificateKeyFile of the URI names {pem}: " in process.output()
        assert said in process.output() and "shut" not in process.output()
        assert "pass phrase" not in process.output()


def test_a_key_with_its_passphrase_opens(
    make_daemon: MakeDaemon, front: TlsFront, authority: Authority, good: Path
) -> None:
    front.manner = Manner(pem=good, clients=authority.file)
    pem = authority.encrypted("unlocked", "open-sesame")
    options = (
        f"tls=true&tlsCAFile={authority.file}&tlsCertificateKeyFile={pem}"
        "&tlsCertificateKeyFilePassword=open-sesame"
    )
    start(make_daemon, front, options).wait_state("ready", timeout=30)


# What the server says, or does not.


@pytest.mark.parametrize(
    ("alert", "parts"),
    [
        (80, ("ended the TLS handshake with alert 80 (internal_error)", "access list")),
        (40, ("have no version of TLS or no cipher in common", "TLS 1.2")),
        (70, ("have no version of TLS or no cipher in common", "TLS 1.2")),
        (112, ("knows no server called 127.0.0.1", "alert 112")),
        (86, ("ended the TLS handshake with alert 86", "server's log")),
    ],
)
def test_an_alert_says_what_is_wrong(
    make_daemon: MakeDaemon, front: TlsFront, alert: int, parts: tuple[str, ...]
) -> None:
    front.manner = Manner(alert=alert)
    says(start(make_daemon, front, "tls=true"), "tls_failed", *parts)


def test_a_server_without_tls(make_daemon: MakeDaemon, front: TlsFront, good: Path) -> None:
    daemon = start(make_daemon, front, "tls=true")
    no_tls = f"127.0.0.1:{front.port} does not speak TLS, and the URI asks for it (tls=true)"
    says(daemon, "tls_failed", no_tls, "Take tls=true out of the URI")


def test_a_uri_without_tls(
    make_daemon: MakeDaemon, front: TlsFront, authority: Authority, good: Path
) -> None:
    front.manner = Manner(pem=good)
    daemon = start(make_daemon, front, "")
    says(daemon, "tls_failed", "speaks TLS, and the URI does not", "Set tls=true in the URI, and")


def test_a_server_that_closes_in_the_middle(make_daemon: MakeDaemon, front: TlsFront) -> None:
    front.manner = Manner(close=True)
    daemon = start(make_daemon, front, "tls=true")
    says(daemon, "tls_failed", "closes the connection in the middle of the TLS handshake")


def test_a_server_that_answers_nothing(make_daemon: MakeDaemon, front: TlsFront) -> None:
    front.manner = Manner(hang=True)
    daemon = start(make_daemon, front, "tls=true")
    says(daemon, "timeout", "does not answer a TLS handshake", "Check that the port")


def test_plan_says_the_same(front: TlsFront, authority: Authority, tmp_path: Path) -> None:
    front.manner = Manner(pem=authority.certificate("old-plan", end="20210203040500Z"))
    (tmp_path / "schema.toml").write_text(SCHEMA)
    uri = front.uri(f"tls=true&tlsCAFile={authority.file}")
    command = [readygate(), "plan", "--schema", str(tmp_path / "schema.toml")]
    with Process([*command, "--mongodb-uri", uri], name="plan") as process:
        assert process.wait(20) == 69, process.output()
        assert "expired on 2021-02-03" in process.output()
