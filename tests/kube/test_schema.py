"""Where the schema comes from, and `helm test`, which says whether it was applied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import container_images
import pytest
from pymongo import MongoClient
from shop import NAME, Shop, schema, thing

from support.node.api import Object
from support.node.node import Node

TEST = f"{NAME}-test"


def indexes(client: MongoClient, shop: Shop) -> set[str]:
    return set(client[shop.database_name]["orders"].index_information()) - {"_id_"}


def test_it_may_be_in_a_config_map_of_the_teams(
    make_shop: Callable[..., Shop], client: MongoClient
) -> None:
    shop = make_shop()
    data = {"schema.toml": schema(2)}
    shop.api.create(thing("v1", "ConfigMap", "orders-2", shop.namespace, data=data, immutable=True))
    shop.install(more={"schema": {"files": None, "configMap": "orders-2"}})
    shop.wait_ready(1)
    assert indexes(client, shop) == {"customer", "placed"}


def test_it_may_be_in_the_applications_image(
    make_shop: Callable[..., Shop], client: MongoClient, node: Node, tmp_path: Path
) -> None:
    """Also an image that has no cp: then the team names the command."""
    name = "localhost/with-schema:3"
    node.load(container_images.service(tmp_path / "image.tar", name=name, schema=schema(3)))
    shop = make_shop()
    command = ["/application", "copy", "/schema", "/etc/readygate-schema"]
    folder = {"path": "/schema", "command": command}
    shop.install(image=name, more={"schema": {"files": None, "imageFolder": folder}})
    (pod,) = shop.wait_ready(1)
    assert indexes(client, shop) == {"customer", "placed", "number"}
    assert [one["name"] for one in pod["spec"]["initContainers"]] == [
        "readygate-install",
        "readygate-schema",
        "readygate",
    ]


def ended(shop: Shop) -> list[Object]:
    """What is recorded of the test's pod when it has ended."""
    return [pod for pod in shop.pods.versions(TEST) if pod["status"]["phase"] in ENDS]


ENDS = ("Succeeded", "Failed")


@pytest.mark.parametrize("job", [False, True], ids=["sidecars apply", "a job applies"])
def test_helm_test_succeeds_where_the_schema_was_applied(
    make_shop: Callable[..., Shop], client: MongoClient, job: bool
) -> None:
    shop = make_shop()
    shop.install(job=job)
    assert shop.test() == 0
    assert {pod["status"]["phase"] for pod in ended(shop)} == {"Succeeded"}
    found = client[shop.database_name]["_readygate"].find_one({"_id": "shop"})
    assert found
    assert found["token"] == 1, "it looks, and takes no lease"


def test_helm_test_fails_where_the_schema_was_not_applied(
    make_shop: Callable[..., Shop], client: MongoClient
) -> None:
    """By nobody within its minute; it makes nothing itself. A sidecar would, so there is none."""
    shop = make_shop()
    shop.install(replicas=0)
    assert shop.test() != 0
    assert {pod["status"]["phase"] for pod in ended(shop)} == {"Failed"}
    assert client[shop.database_name].list_collection_names() == []
