#!/usr/bin/env bash
# SecantusDB 0.7.0b3 (Python) builds a compound index over documents that have arrays in two of its fields.
#
# MongoDB refuses such documents: "cannot index parallel arrays", code 171 (manual, "Multikey Indexes": at most one indexed
# field of a document may be an array), both when the index is built over them and when one is inserted later.
# SecantusDB says that it is MongoDB 8.2.11, answers ok to createIndexes, lists the index, and takes another such document.
# So an application that was tested on it meets its first refusal on a MongoDB: at a deployment's index build.
#
# Seen with secantusdb 0.7.0b3 and PyMongo 4.15.5 on Python 3.11:
#     buildInfo says 8.2.11; createIndexes ok: 1.0; indexes _id_, a_1_b_1; insert of another one: taken
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
from pymongo.errors import OperationFailure

client = MongoClient(
    f"mongodb://127.0.0.1:{sys.argv[1]}/?directConnection=true", serverSelectionTimeoutMS=60_000
)
client.drop_database("finding")
tags = client.finding.tags
tags.insert_one({"a": [1, 2], "b": [3, 4]})
print("buildInfo says", client.admin.command("buildInfo")["version"])
try:
    answer = client.finding.command(
        "createIndexes", "tags", indexes=[{"key": {"a": 1, "b": 1}, "name": "a_1_b_1"}]
    )
    print("createIndexes ok:", answer["ok"])
    print("indexes", ", ".join(tags.index_information()))
    tags.insert_one({"a": [5, 6], "b": [7, 8]})
    print("insert of another one: taken")
except OperationFailure as error:
    print("changed: refused with code", error.code)
    sys.exit(1)
PYTHON
