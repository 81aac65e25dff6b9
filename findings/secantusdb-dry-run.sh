#!/usr/bin/env bash
# SecantusDB 0.7.0b3 (Python) carries out a collMod that asks for a dry run: the index becomes unique.
#
# MongoDB only checks then (manual, "collMod", `dryRun`: with `index.unique: true` it looks for documents that contradict,
# and changes nothing). SecantusDB says that it is MongoDB 8.2.11, answers ok, lists the index as unique, and refuses the
# next document with the same key. So a look whether an index could become unique makes it so.
#
# Seen with secantusdb 0.7.0b3 and PyMongo 4.15.5 on Python 3.11:
#     buildInfo says 8.2.11; a dry run answers ok: 1.0; then listed as unique: True; another document with that key:
#     refused (11000)
# Ends with 0 while that is so, with 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-0}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check secantusdb==0.7.0b3 pymongo==4.15.5
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$folder/data"
"$folder/venv/bin/secantusd-py" --port "$port" --storage-path "$folder/data" >"$folder/log" 2>&1 &
server=$!
"$folder/venv/bin/python" - "$port" <<'PYTHON'
import sys

from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError

client = MongoClient(
    f"mongodb://127.0.0.1:{sys.argv[1]}/?directConnection=true", serverSelectionTimeoutMS=60_000
)
client.drop_database("finding")
users = client.finding.users
users.insert_one({"name": "a"})
users.create_index("name", name="by_name")
client.finding.command("collMod", "users", index={"name": "by_name", "prepareUnique": True})
print("buildInfo says", client.admin.command("buildInfo")["version"])
answer = client.finding.command(
    "collMod", "users", index={"name": "by_name", "unique": True}, dryRun=True
)
print("a dry run answers ok:", answer["ok"])
unique = users.index_information()["by_name"].get("unique", False)
print("then listed as unique:", unique)
# prepareUnique alone refuses duplicates too: without it, only an index that is unique does.
client.finding.command("collMod", "users", index={"name": "by_name", "prepareUnique": False})
try:
    users.insert_one({"name": "a"})
    print("another document with that key: taken")
    refused = False
except DuplicateKeyError as error:
    print(f"another document with that key: refused ({error.code})")
    refused = True
sys.exit(0 if unique and refused else 1)
PYTHON
