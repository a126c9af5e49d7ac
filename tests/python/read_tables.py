"""Reads both event tables with boto3 alone, as docs/tables.md describes them, and compares
what comes back with what is known: a JSON array of events as the one argument."""

import json
import os
import sys

import boto3
from boto3.dynamodb.conditions import Key

dynamodb = boto3.resource("dynamodb")
principals = dynamodb.Table(os.environ["PRINCIPALS_TABLE"])
resources = dynamodb.Table(os.environ["RESOURCES_TABLE"])


def query(table, **arguments):
    """Every item of the answer, page by page."""
    while True:
        page = table.query(**arguments)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def ids(items):
    """The items by their event's id, which follows the time in the event key."""
    return {item["event_key"].partition("#")[2]: item for item in items}


events = json.loads(sys.argv[1])
assert events
by_principal = {}
for event in events:
    by_principal.setdefault(event["principal"], {})[event["event_id"]] = event
for principal, known in by_principal.items():
    # A plain expression: no attribute name is a reserved word.
    found = ids(
        query(
            principals,
            KeyConditionExpression="principal = :p",
            ExpressionAttributeValues={":p": principal},
        )
    )
    assert found.keys() == known.keys(), (principal, found.keys() ^ known.keys())
    for event_id, item in found.items():
        assert item["event_name"] == known[event_id]["event_name"]
        assert set(known[event_id]["resources"]) <= set(item.get("resource_arns", [])), item

for event in events:
    for resource in event["resources"]:
        found = ids(query(resources, KeyConditionExpression=Key("resource_key").eq(resource)))
        assert event["event_id"] in found, (resource, event)
        assert found[event["event_id"]]["principal"] == event["principal"]

print(f"{len(events)} events of {len(by_principal)} principals, all read with boto3")
