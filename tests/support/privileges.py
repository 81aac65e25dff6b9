"""What this user may do on this machine: asked by doing it, in a way that changes nothing.

To be root is not enough: a container's root may have neither mounts nor namespaces.
"""

from __future__ import annotations

import functools
import os
import subprocess

# In a PID namespace of its own, so that a mount ends with it.
MOUNT_AND_CHROOT = ("sh", "-c", "mount -t proc proc /proc && exec chroot / true")


@functools.cache
def can(*command: str) -> bool:
    """Whether the command succeeds; not if its program is missing."""
    try:
        return subprocess.run(command, capture_output=True, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def can_as_root(*command: str) -> bool:
    """The same as root, by sudo if need be; asks for no password."""
    return can(*([] if os.geteuid() == 0 else ["sudo", "-n"]), *command)


def why_not_root() -> str:
    """Why suites that make root file systems and enter them cannot run here; "" if they can."""
    if os.geteuid() != 0:
        return "it needs root"
    if not can("unshare", "--mount", "--pid", "--fork", "--kill-child", *MOUNT_AND_CHROOT):
        return "it needs mounts, chroot and namespaces, which even root does not have here"
    return ""
