"""Questions about what collMod changes: every change that readygate makes with it. Some servers
answer ok and forget it."""

from __future__ import annotations

from typing import Any

from pymongo.database import Database

from .asking import Lacking, index, must, options, question, refusal

RULE = {"n": {"$gt": 5}}


def changed(database: Database[Any], **change: object) -> None:
    database.command("collMod", "c", **change)


def listed(database: Database[Any], **wanted: object) -> None:
    """That the collection is listed with these options; None: without."""
    found = options(database)
    for option, value in wanted.items():
        must(found.get(option) == value, "forgotten")


def changed_index(database: Database[Any], **change: object) -> None:
    changed(database, index={"name": "i", **change})
    for option, value in change.items():
        must(index(database).get(option, False) == value, "forgotten")


@question("added_validator", "`collMod`: a validator, enforced (121)")
def added_validator(database: Database[Any]) -> None:
    database.create_collection("c")
    changed(database, validator=RULE)
    listed(database, validator=RULE)
    code = refusal(lambda: database["c"].insert_one({"n": 1})).get("code")
    must(code == 121, f"enforced with code {code}")


@question("changed_validation", "`collMod`: `validationLevel` and `validationAction`")
def changed_validation(database: Database[Any]) -> None:
    database.create_collection("c")
    changed(database, validator=RULE)
    how = {"validationLevel": "moderate", "validationAction": "warn"}
    changed(database, **how)
    listed(database, **how)


@question("removed_validator", "`collMod`: a validator taken away")
def removed_validator(database: Database[Any]) -> None:
    database.create_collection("c")
    changed(database, validator=RULE)
    changed(database, validator={})
    must(not options(database).get("validator"), "forgotten")


@question("changed_ttl", "`collMod`: `expireAfterSeconds` of an index")
def changed_ttl(database: Database[Any]) -> None:
    database["c"].create_index("a", name="i", expireAfterSeconds=60)
    changed_index(database, expireAfterSeconds=120)


@question("added_ttl", "`collMod`: an index that gets `expireAfterSeconds`")
def added_ttl(database: Database[Any]) -> None:
    database["c"].create_index("a", name="i")
    changed_index(database, expireAfterSeconds=120)


@question("reset_unique", "`collMod`: `prepareUnique` taken back")
def reset_unique(database: Database[Any]) -> None:
    database["c"].create_index("a", name="i")
    changed_index(database, prepareUnique=True)
    changed_index(database, prepareUnique=False)


@question("tried_unique", "`collMod`: `unique` as a dry run changes nothing")
def tried_unique(database: Database[Any]) -> None:
    database["c"].create_index("a", name="i")
    changed_index(database, prepareUnique=True)
    changed(database, index={"name": "i", "unique": True}, dryRun=True)
    must(not index(database).get("unique"), "a dry run is done")


@question("changed_capped_max", "`collMod`: `cappedMax`")
def changed_capped_max(database: Database[Any]) -> None:
    database.create_collection("c", capped=True, size=4096, max=3)
    must(options(database).get("capped"), "no such collection")
    changed(database, cappedMax=5)
    listed(database, max=5)


@question("unlimited_capped", "`collMod`: `cappedMax` 0, listed as 2147483647")
def unlimited_capped(database: Database[Any]) -> None:
    """The largest number is how a MongoDB keeps that there is no limit."""
    database.create_collection("c", capped=True, size=4096, max=3)
    must(options(database).get("capped"), "no such collection")
    changed(database, cappedMax=0)
    found = options(database).get("max")
    must(found == 0x7FFFFFFF, "forgotten" if found == 3 else f"listed as {found}")


def changed_expiry(database: Database[Any]) -> None:
    changed(database, expireAfterSeconds=7200)
    listed(database, expireAfterSeconds=7200)
    changed(database, expireAfterSeconds="off")
    must("expireAfterSeconds" not in options(database), "off is forgotten")


@question("changed_clustered_ttl", "`collMod`: `expireAfterSeconds` of a clustered collection")
def changed_clustered_ttl(database: Database[Any]) -> None:
    clustered = {"key": {"_id": 1}, "unique": True}
    database.create_collection("c", clusteredIndex=clustered, expireAfterSeconds=3600)
    must("clusteredIndex" in options(database), "no such collection")
    changed_expiry(database)


@question("changed_timeseries_ttl", "`collMod`: `expireAfterSeconds` of a time series")
def changed_timeseries_ttl(database: Database[Any]) -> None:
    database.create_collection("c", timeseries={"timeField": "at"}, expireAfterSeconds=3600)
    must("timeseries" in options(database), "no such collection")
    changed_expiry(database)


@question("changed_granularity", "`collMod`: a time series' granularity")
def changed_granularity(database: Database[Any]) -> None:
    database.create_collection("c", timeseries={"timeField": "at", "granularity": "seconds"})
    must("timeseries" in options(database), "no such collection")
    changed(database, timeseries={"granularity": "hours"})
    must(options(database)["timeseries"].get("granularity") == "hours", "forgotten")


@question("changed_preimages", "`collMod`: pre- and post-images turned on, and off")
def changed_preimages(database: Database[Any]) -> None:
    database.create_collection("c")
    for enabled in (True, False):
        changed(database, changeStreamPreAndPostImages={"enabled": enabled})
        found = options(database).get("changeStreamPreAndPostImages", {}).get("enabled", False)
        if found != enabled:
            raise Lacking("forgotten")


@question("unknown_option", "`collMod`: an option that is none is refused")
def unknown_option(database: Database[Any]) -> None:
    database.create_collection("c")
    code = refusal(lambda: changed(database, noSuchOption=1)).get("code")
    must(code == 40415, f"refused with code {code}")
