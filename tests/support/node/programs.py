"""What a node's programs are told: their files and their command lines.

There is no kube-proxy and no DNS: pods reach the API server and databases by address, tests read
endpoints from EndpointSlices. Everything that the programs write is below the node's folder or in
a file system of the node's own (supervisor.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

API_PORT = 6443
ADMIN, KUBELET = "admin-token", "kubelet-token"  # the node's network is this machine's alone
NODE_NAME = "node"
PAUSE = "localhost/pause:1"
SERVICES = "198.18.240.0/24"  # never routed: nothing translates these addresses here


@dataclass(frozen=True)
class Place:
    """Where a node is: its folder, its network's number, and where its programs are."""

    folder: Path
    number: int
    kubernetes: Path  # the programs themselves
    packages: Path  # the distribution's, as they would lie below /

    @property
    def path(self) -> str:
        """PATH: containerd finds its shim and runc by it."""
        return f"{self.packages}/usr/bin:{self.packages}/usr/sbin:/usr/sbin:/usr/bin:/sbin:/bin"

    @property
    def gateway(self) -> str:
        """This machine, seen from the node and its pods."""
        return f"198.18.{self.number}.1"

    @property
    def address(self) -> str:
        return f"198.18.{self.number}.2"

    @property
    def server(self) -> str:
        return f"https://{self.address}:{API_PORT}"


def certificates(place: Place) -> list[list[str]]:
    """Commands that make an authority, the API server's certificate, its own for the kubelet, and
    the keys of service accounts.
    """
    new = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -sha256"
    signed = f"{new} -CA ca.crt -CAkey ca.key -addext basicConstraints=CA:FALSE"
    names = f"subjectAltName=IP:{place.address},IP:127.0.0.1,DNS:kubernetes.default.svc"
    lines = [
        f"{new} -subj /CN=test -keyout ca.key -out ca.crt",
        f"{signed} -subj /CN=api -addext {names} -keyout api.key -out api.crt",
        f"{signed} -subj /O=system:masters/CN=api -addext extendedKeyUsage=clientAuth"
        " -keyout client.key -out client.crt",
        "openssl genrsa -out accounts.key 2048",
        "openssl rsa -in accounts.key -pubout -out accounts.pub",
    ]
    return [line.split() for line in lines]


def kubeconfig(place: Place, token: str) -> str:
    """JSON is YAML."""
    cluster = {"server": place.server, "certificate-authority": str(place.folder / "ca.crt")}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "node", "cluster": cluster}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "node", "context": {"cluster": "node", "user": "user"}}],
            "current-context": "node",
        }
    )


def kubelet_configuration(place: Place) -> str:
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": False},
                "x509": {"clientCAFile": str(place.folder / "ca.crt")},
            },
            "authorization": {"mode": "AlwaysAllow"},
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "staticPodPath": "",
            "resolvConf": str(place.folder / "resolv.conf"),
            "failSwapOn": False,
            "failCgroupV1": False,
            "cgroupDriver": "cgroupfs",
            "cgroupsPerQOS": True,
            "cgroupRoot": f"/{place.folder.name}",  # the supervisor makes and removes it
            "enforceNodeAllocatable": [],
            "localStorageCapacityIsolation": False,
            "makeIPTablesUtilChains": False,
            # A machine that is nearly full is no reason to evict the test's pods.
            "evictionHard": {"memory.available": "1Mi"},
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "maxPods": 60,
            # A changed Secret is in its pods within so many seconds; the default is a minute.
            "syncFrequency": "10s",
            "nodeStatusReportFrequency": "10s",
            "shutdownGracePeriod": "0s",
        }
    )


def containerd_configuration(place: Place) -> str:
    return f"""
version = 2
root = "{place.folder}/containerd"
state = "/run/containerd/state"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  # Without it runc, where it lacks CAP_SYS_RESOURCE, dies with "can't get final child's PID".
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{place.packages}/usr/lib/cni"
    conf_dir = "{place.folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"  # works on any file system, below another overlay too
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


def network_configuration(place: Place) -> str:
    subnet = {"subnet": f"198.19.{place.number}.0/24"}
    bridge = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[subnet]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": "/run/cni-addresses",
        },
    }
    return json.dumps(
        {
            "cniVersion": "1.0.0",
            "name": "pods",
            "plugins": [bridge],
        }
    )


def files(place: Place) -> dict[str, str]:
    """Their paths in the node's folder, and their texts."""
    return {
        "tokens.csv": f"{ADMIN},admin,1,system:masters\n"
        f"{KUBELET},system:node:{NODE_NAME},2,system:nodes\n",
        "admin.conf": kubeconfig(place, ADMIN),
        "kubelet.conf": kubeconfig(place, KUBELET),
        "kubelet.json": kubelet_configuration(place),
        "containerd.toml": containerd_configuration(place),
        "cni/pods.conflist": network_configuration(place),
        "resolv.conf": "",
    }


def commands(place: Place) -> dict[str, list[str]]:
    """The programs, in the order in which they are started."""
    folder, programs = place.folder, place.kubernetes
    return {
        "etcd": [
            f"{place.packages}/usr/bin/etcd",
            "--data-dir=/var/lib/etcd",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
        ],
        "containerd": [
            f"{place.packages}/usr/bin/containerd",
            f"--config={folder}/containerd.toml",
        ],
        "kube-apiserver": [
            f"{programs}/kube-apiserver",
            "--etcd-servers=http://127.0.0.1:2379",
            f"--advertise-address={place.address}",
            f"--secure-port={API_PORT}",
            f"--tls-cert-file={folder}/api.crt",
            f"--tls-private-key-file={folder}/api.key",
            f"--client-ca-file={folder}/ca.crt",
            f"--kubelet-client-certificate={folder}/client.crt",
            f"--kubelet-client-key={folder}/client.key",
            "--kubelet-preferred-address-types=InternalIP",
            f"--token-auth-file={folder}/tokens.csv",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--service-account-key-file={folder}/accounts.pub",
            f"--service-account-signing-key-file={folder}/accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-cluster-ip-range={SERVICES}",
            "--endpoint-reconciler-type=none",
        ],
        "kube-controller-manager": [
            f"{programs}/kube-controller-manager",
            f"--kubeconfig={folder}/admin.conf",
            "--leader-elect=false",
            f"--root-ca-file={folder}/ca.crt",
            f"--service-account-private-key-file={folder}/accounts.key",
        ],
        "kube-scheduler": [
            f"{programs}/kube-scheduler",
            f"--kubeconfig={folder}/admin.conf",
            "--leader-elect=false",
        ],
        "kubelet": [
            f"{programs}/kubelet",
            f"--config={folder}/kubelet.json",
            f"--kubeconfig={folder}/kubelet.conf",
            f"--root-dir={folder}/kubelet",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={place.address}",
        ],
    }
