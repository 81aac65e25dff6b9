"""What a service with Beanie does before it serves: import, models, `init_beanie`.

    python -m bench.beanie_start              imports and models only
    python -m bench.beanie_start URI DATABASE and init_beanie

Says "done" at the end, at once: what the interpreter does to leave is nobody's concern.
"""

from __future__ import annotations

import asyncio
import os
import sys

from beanie import init_beanie
from pymongo import AsyncMongoClient

from . import fifty


async def start(uri: str, database: str) -> None:
    client: AsyncMongoClient = AsyncMongoClient(uri)
    await init_beanie(client[database], document_models=fifty.models())


if len(sys.argv) == 3:
    asyncio.run(start(*sys.argv[1:]))
else:
    fifty.models()
print("done", flush=True)
os._exit(0)
