"""The restricted Pod Security Standard, as a table of its controls.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards, levels baseline and
restricted, for Linux pods, as of Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Spec = dict[str, Any]
CAPABILITY = "NET_BIND_SERVICE"  # the only one that may be added
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
}
VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SELINUX = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}


def _security(one: Spec) -> Spec:
    return one.get("securityContext") or {}


def _either(pod: Spec, container: Spec, key: str) -> Any:
    """The container's own setting, else the pod's."""
    return _security(container).get(key, _security(pod).get(key))


def _selinux(one: Spec) -> bool:
    options = _security(one).get("seLinuxOptions", {})
    return options.get("type") in SELINUX and not options.get("user") and not options.get("role")


def _probes(container: Spec) -> list[Spec]:
    lifecycle = container.get("lifecycle", {})
    names = ("startupProbe", "readinessProbe", "livenessProbe")
    found = [container.get(name, {}) for name in names]
    return [*found, lifecycle.get("preStop", {}), lifecycle.get("postStart", {})]


POD_CONTROLS: dict[str, Callable[[Spec], bool]] = {
    "host namespaces": lambda pod: (
        not any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
    ),
    "volume types": lambda pod: all(
        set(volume) - {"name"} <= VOLUMES for volume in pod.get("volumes", [])
    ),
    "sysctls": lambda pod: all(one["name"] in SYSCTLS for one in _security(pod).get("sysctls", [])),
    "SELinux of the pod": _selinux,
    "HostProcess of the pod": lambda pod: (
        not _security(pod).get("windowsOptions", {}).get("hostProcess")
    ),
    "AppArmor of the pod": lambda pod: (
        _security(pod).get("appArmorProfile", {}).get("type") != "Unconfined"
    ),
    "root user of the pod": lambda pod: _security(pod).get("runAsUser") != 0,
}
CONTAINER_CONTROLS: dict[str, Callable[[Spec, Spec], bool]] = {
    "privileged": lambda _, one: not _security(one).get("privileged"),
    "HostProcess": lambda _, one: not _security(one).get("windowsOptions", {}).get("hostProcess"),
    "host ports": lambda _, one: not any(port.get("hostPort") for port in one.get("ports", [])),
    "host probes": lambda _, one: (
        not any(
            how.get(kind, {}).get("host")
            for how in _probes(one)
            for kind in ("httpGet", "tcpSocket")
        )
    ),
    "AppArmor": lambda _, one: (
        _security(one).get("appArmorProfile", {}).get("type") != "Unconfined"
    ),
    "SELinux": lambda _, one: _selinux(one),
    "/proc mount": lambda _, one: _security(one).get("procMount", "Default") == "Default",
    "privilege escalation": lambda _, one: _security(one).get("allowPrivilegeEscalation") is False,
    "not root": lambda pod, one: _either(pod, one, "runAsNonRoot") is True,
    "root user": lambda pod, one: _either(pod, one, "runAsUser") != 0,
    "seccomp": lambda pod, one: (
        (_either(pod, one, "seccompProfile") or {}).get("type") in ("RuntimeDefault", "Localhost")
    ),
    "dropped capabilities": lambda _, one: (
        "ALL" in _security(one).get("capabilities", {}).get("drop", [])
    ),
    "added capabilities": lambda _, one: (
        set(_security(one).get("capabilities", {}).get("add", [])) <= {CAPABILITY}
    ),
}


def violations(pod: Spec) -> list[str]:
    """The controls that a pod spec does not hold, and where."""
    found = [name for name, holds in POD_CONTROLS.items() if not holds(pod)]
    for one in [*pod.get("initContainers", []), *pod["containers"]]:
        found += [
            f"{name} of {one['name']}"
            for name, holds in CONTAINER_CONTROLS.items()
            if not holds(pod, one)
        ]
    return found
