"""What uvicorn starts: `uvicorn rebalancer.app:app`, with this folder's parent on the path."""

from __future__ import annotations

from . import logs
from .service import create_app

logs.configure()
app = create_app()
