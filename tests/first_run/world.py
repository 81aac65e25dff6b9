"""A Debian 12 of its own, in a folder: what somebody who has just cloned the repository works in.

A command runs there by chroot, in mount and PID namespaces that end with it, as root with all or
with a container's usual capabilities, or as a plain user. This needs root and mmdebstrap.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.builds import REPOSITORY
from support.children import die_with_parent
from support.debian import Root

PLACE = "/home/somebody"
# Besides the essential packages and apt: what the README asks for.
EMPTY = Root("bookworm", ("git", "ca-certificates"), variant="apt")
# What Docker, containerd and podman give when nobody says anything.
USUAL = (
    "chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw"
    " sys_chroot mknod audit_write setfcap"
)


@dataclass(frozen=True)
class Who:
    """As whom a command runs. `options` are setpriv's."""

    name: str
    uid: int
    options: tuple[str, ...]


ROOT = Who("root", 0, ())
SOMEBODY = Who("a plain user", 1000, ("--reuid=1000", "--regid=1000", "--clear-groups"))
CONTAINER = Who(
    "root of a container",
    0,
    (f"--bounding-set=-all,{','.join(f'+{name}' for name in USUAL.split())}", "--inh-caps=-all"),
)

# $0 is the root file system. The machine's name service and certificates are used, as a company
# may have its own.
ENTER = """set -eu
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
  if [ -e "$file" ]; then cp -L "$file" "$0$file"; fi
done
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
exec chroot "$0" "$@"
"""


class World:
    """The folder, with a checkout below PLACE."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", EMPTY.made(), self.root], check=True)

    def check_out(self, who: Who) -> None:
        """A clone that is theirs, with what is not committed yet; nothing is built or cached."""
        home = self.root / PLACE.lstrip("/")
        shutil.rmtree(home, ignore_errors=True)
        clone = home / "readygate"
        subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(clone)], check=True)
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True).stdout
        for name in filter(None, os.fsdecode(names).split("\0")):
            if (REPOSITORY / name).is_file():
                (clone / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, clone / name)
        subprocess.run(["chown", "-R", f"{who.uid}:{who.uid}", str(home)], check=True)

    def run(self, who: Who, command: str, timeout: float) -> subprocess.CompletedProcess[str]:
        """In the checkout; what it says is shown, and in `stdout`."""
        print(f"--- as {who.name}: {command}", flush=True)
        namespaces = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
        environment = ("env", "-i", f"HOME={PLACE}", "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
        there = f"cd {PLACE}/readygate && {command}"
        whole = [
            *(*namespaces, "sh", "-c", ENTER, str(self.root)),
            *("setpriv", *who.options, "--", *environment, "bash", "-c", there),
        ]
        with subprocess.Popen(
            whole,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
            preexec_fn=die_with_parent(),
        ) as process:
            try:
                said, _ = process.communicate(timeout=timeout)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        print(said, flush=True)
        return subprocess.CompletedProcess(whole, process.returncode, said)

    def install(self, names: list[str]) -> None:
        """As root of the machine, not as whoever works there."""
        apt = "DEBIAN_FRONTEND=noninteractive apt-get -q"
        wanted = shlex.join(names)
        done = self.run(
            ROOT,
            f"{apt} update && {apt} install -y --no-install-recommends {wanted}",
            15 * 60,
        )
        assert done.returncode == 0, done.stdout[-3000:]
