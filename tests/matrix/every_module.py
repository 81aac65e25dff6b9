"""Every module of the client can be imported, and what asks nobody works, with nothing but Python's
own modules. Ends with an exception, or prints the version that ran it.
"""

import importlib
import os
import pkgutil
import sys

import readygate
from readygate import protocol

# Left out is what is for whoever has pytest.
names = {module.name for module in pkgutil.iter_modules(readygate.__path__)} - {"pytest_plugin"}
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
