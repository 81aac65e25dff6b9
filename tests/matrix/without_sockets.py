"""What the client does in a Python that has no sockets and starts no process: its modules are
there, and what asks nobody works. Ends with an exception, or prints the version that ran it.
"""

import importlib
import os
import pkgutil
import socketserver
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.environ.get("READYGATE_SOURCE", "/source"))

import readygate  # noqa: E402
from readygate import protocol  # noqa: E402

left_out = {"pytest_plugin"}  # for whoever has pytest
if not hasattr(socketserver, "UnixStreamServer"):
    left_out.add("testing")  # the fake gate serves one
names = {module.name for module in pkgutil.iter_modules(readygate.__path__)} - left_out
assert len(names) > 15, names
for name in sorted(names):
    importlib.import_module(f"readygate.{name}")
for name in readygate.__all__:
    getattr(readygate, name)

# The protocol, as far as it is text.
assert protocol.wait_request("open", True) == b"WAIT open fail-fast\n"
assert protocol.judge(b'{"ok":true,"why":"open","state":"ready","code":"none"}\n') is None
for bad in (b'{"ok":tru', b"HTTP/1.1 400 Bad Request\n"):
    try:
        protocol.judge(bad)
    except readygate.GateError:
        continue
    raise AssertionError(bad)
os.environ["READYGATE_DISABLE"] = "1"
readygate.wait(timeout=0.1)

print("{}.{}".format(*sys.version_info))
