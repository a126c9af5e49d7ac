"""Asks the Python client what the tests ask the Rust reader: questions and answers in JSON."""

import collections
import json
import os
import pathlib
import sys

import boto3

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "clients" / "python"))
from redtrail import Redtrail  # noqa: E402

# What items have beside the event, for DynamoDB and for the tables themselves.
OF_ITEMS = ("schema_version", "rules_version", "expires_at", "failure_key", "change_key")


def answer(redtrail, question):
    ((kind, asked),) = question.items()
    if kind == "events":
        events = redtrail.events(**asked)
        return [{name: value for name, value in event.items() if name not in OF_ITEMS} for event in events]
    if kind == "last_used":
        asked = dict(asked)
        principals = asked.pop("principals", None) or [asked.pop("principal")]
        uses = redtrail.last_used(principals, **asked)
        uses = [use and vars(use) for use in uses.values()]
        return uses if len(principals) > 1 else uses[0]
    if kind == "acted_as":
        return [vars(acted) for acted in redtrail.acted_as(**asked)]
    if kind == "active":
        return redtrail.active(**asked)
    if kind == "coverage":
        return redtrail.coverage(**asked).as_dict()
    raise ValueError(kind)


def answers(environment, now, questions):
    os.environ.update(environment)
    calls = []
    session = boto3.session.Session()
    session.events.register("before-call", lambda model, **_: calls.append(model.name))
    redtrail = Redtrail(session=session, now=now)
    found = [answer(redtrail, question) for question in questions]
    return {"answers": found, "calls": collections.Counter(calls), "read_units": redtrail.read_units}


json.dump([answers(**asked) for asked in json.load(sys.stdin)], sys.stdout)
