"""Asks redtrail's tables: who did what in Amazon Redshift, and how far the answer reaches.

One file on boto3 alone: copy it. It only reads, by Query (and by ssm:GetParameters where a
stack is named), and says no more than docs/tables.md does, which is the contract it follows.

    from datetime import datetime, timedelta, timezone
    from redtrail import Redtrail

    redtrail = Redtrail(stack="redtrail")
    cluster = "arn:aws:redshift:us-east-1:111122223333:cluster:sales-prod"
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    for event in redtrail.events(resource=cluster, since=yesterday):
        print(event["event_time"], event["principal"], event["event_name"])
    print(redtrail.coverage(resource=cluster, since=yesterday))

Times are in UTC and written as in the tables, YYYY-MM-DDTHH:MM:SS.mmmZ, so that the order of
texts is the order of time; days are YYYY-MM-DD.
"""

from __future__ import annotations

import hashlib
import heapq
import os
import re
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Optional, TypeVar, Union

import boto3
from botocore.config import Config

__all__ = ["Acted", "Coverage", "Event", "Redtrail", "Tables", "Time", "Use"]

Event = dict[str, Any]
"""An event's attributes, as docs/tables.md names them; `via` is `alias` where it was recorded
under another key of what was asked for."""

Time = Union[datetime, str]
"""A moment: a datetime with a time zone, or an RFC 3339 text."""

Window = tuple[Optional[str], Optional[str]]
Name = tuple[str, list[Window]]
Answer = TypeVar("Answer")
Question = TypeVar("Question")

# The bound of a partition key, in bytes.
_PARTITION_KEY = 2048
# An event may be delivered so long after its time.
_DELIVERY = timedelta(minutes=15)
# An object delivered so long after the times asked for may hold some of their events.
_LATE = timedelta(days=1)
# Edges read at a time where one is looked for among others.
_EDGES = 100


@dataclass(frozen=True)
class Tables:
    """Names or ARNs of the tables. Tables of another account are named by their ARNs."""

    principals: str
    resources: str
    directory: str
    ledger: str
    region: str | None = None

    @classmethod
    def of_stack(cls, stack: str, session: boto3.session.Session) -> Tables:
        """The tables that a stack has published under `/redtrail/STACK/`."""
        names = [f"/redtrail/{stack}/{name}-table" for name in _TABLES]
        arn = f"/redtrail/{stack}/principals-table-arn"
        answer = session.client("ssm").get_parameters(Names=[*names, arn])
        found = {parameter["Name"]: parameter["Value"] for parameter in answer["Parameters"]}
        missing = [name for name in [*names, arn] if name not in found]
        if missing:
            raise LookupError(f"there is no SSM parameter {missing[0]}: is {stack} a stack of redtrail?")
        principals, resources, directory, ledger = (found[name] for name in names)
        return cls(principals, resources, directory, ledger, found[arn].split(":")[3])

    @classmethod
    def of_environment(cls) -> Tables:
        """The tables that PRINCIPALS_TABLE, RESOURCES_TABLE, … name."""
        variables = [f"{name.upper()}_TABLE" for name in _TABLES]
        missing = [variable for variable in variables if not os.environ.get(variable)]
        if missing:
            raise LookupError(f"name a stack or tables, or set {', '.join(missing)}")
        return cls(*(os.environ[variable] for variable in variables))


_TABLES = ("principals", "resources", "directory", "ledger")


@dataclass(frozen=True)
class Use:
    """A principal used a resource on that day: `write`, `read`, or `denied`."""

    day: str
    kind: str
    resource: str


@dataclass(frozen=True)
class Acted:
    """A session, access key, source identity or person acted as that principal on that day."""

    day: str
    principal: str


@dataclass(frozen=True)
class Coverage:
    """How far an answer reaches. `gaps` says why it may lack something: docs/tables.md."""

    accounts: list[str]
    regions: list[str]
    tracked_since: str | None
    kept_since: str | None
    delivered_up_to: str | None
    proven_up_to: str | None
    objects_rejected: int
    objects_waiting: int
    records_quarantined: int
    objects_missing: int
    objects_altered: int
    objects_unlisted: int
    gaps: list[str]

    @property
    def complete(self) -> bool:
        return not self.gaps

    def as_dict(self) -> dict[str, Any]:
        """As `redtrail query --output jsonl` writes it."""
        return {"coverage": asdict(self), "complete": self.complete}


class Redtrail:
    """The tables of one stack. Safe to share among threads.

    `workers` is how many Queries run at a time where one answer takes many. `now` asks the
    tables as of that time, instead of each question's own: what has expired by then is left
    out, for DynamoDB deletes it days later.
    """

    def __init__(
        self,
        tables: Tables | None = None,
        *,
        stack: str | None = None,
        session: boto3.session.Session | None = None,
        workers: int = 16,
        now: Time | None = None,
    ) -> None:
        session = session or boto3.session.Session()
        if tables is None:
            tables = Tables.of_stack(stack, session) if stack else Tables.of_environment()
        self.tables = tables
        self._workers = workers
        self._now = None if now is None else _time(now)
        self._client = session.client(
            "dynamodb",
            region_name=tables.region,
            config=Config(max_pool_connections=workers, retries={"mode": "standard", "max_attempts": 10}),
        )
        self._read_units = 0.0
        self._lock = threading.Lock()

    @property
    def read_units(self) -> float:
        """Read units that all answers have cost so far."""
        return self._read_units

    # Events

    def events(
        self,
        *,
        principal: str | None = None,
        resource: str | None = None,
        session: str | None = None,
        person: str | None = None,
        access_key: str | None = None,
        source_identity: str | None = None,
        since: Time | None = None,
        until: Time | None = None,
        errors: bool = False,
        changes: bool = False,
        writes: bool = False,
        event_name: str | None = None,
        event_source: str | None = None,
        newest_first: bool = True,
        page_size: int | None = None,
    ) -> Iterator[Event]:
        """Events of a principal or of a resource, from `since` on and before `until`, one by one.

        Named alone, a `session`, `person`, `access_key` or `source_identity` answers with what it
        did as whatever principal; beside a principal or resource it is a filter, as `event_name`,
        `event_source` and `writes` are. `errors` and `changes` (of a resource alone) have indexes.

        What the directory knows under another key is read too: of an ARN the events that AWS
        logged by name, for the time the name stood for it, of a role those that name it without
        its path. No answer is complete by itself: ask `coverage` for the same.
        """
        if changes and (resource is None or errors):
            raise ValueError("changes asks what changed a resource: give one, and no errors")
        window = (_text(since), _text(until))
        facets = {
            "session": session,
            "access_key": access_key,
            "source_identity": source_identity,
            "person": person,
        }
        filters = _filters(facets, event_name, event_source, writes)
        sources = [
            (table, key, _within(window, held), via)
            for table, key, held, via in self._sources(principal, resource, facets)
        ]
        streams = [
            self._partition(table, key, held, via, filters, errors, changes, newest_first, page_size)
            for table, key, held, via in sources
        ]
        return _merged(streams, newest_first)

    def _sources(
        self, principal: str | None, resource: str | None, facets: dict[str, str | None]
    ) -> list[tuple[str, str, Window, bool]]:
        """The partitions that hold an answer, and the times in which they do. The first that
        holds an event wins: keys that were asked for come before their other names."""
        if principal is not None and resource is not None:
            raise ValueError("give a principal or a resource, not both")
        if principal is not None:
            table, key = "principals", _principal(principal)
            names = self._principal_names(key)
        elif resource is not None:
            table, key = "resources", _resource(resource)
            names = self._resource_names(key)
        else:
            days = self._acted_days(**facets)
            return [
                ("principals", key, (f"{first}T00:00:00.000Z", _moved(f"{last}T00:00:00.000Z", _LATE)), False)
                for key, (first, last) in sorted(days.items())
            ]
        own = [(table, key, (None, None), False)]
        return own + [(table, name, held, True) for name, windows in names for held in windows]

    def _partition(
        self,
        table: str,
        key: str,
        window: Window,
        via: bool,
        filters: tuple[list[str], dict[str, Any]],
        errors: bool,
        changes: bool,
        newest_first: bool,
        page_size: int | None,
    ) -> Iterator[Event]:
        since, until = window
        if since is not None and until is not None and since >= until:
            return
        partition_key = "principal" if table == "principals" else "resource_key"
        conditions, values = list(filters[0]), dict(filters[1])
        index, sort_key = None, "event_key"
        if changes:
            index, sort_key = "changes", "change_key"
        elif errors and table == "principals":
            index, sort_key = "failures", "failure_key"
        elif errors:
            conditions.append("attribute_exists(error_code)")
        if since is not None and until is not None:
            # An event key is longer than its time alone and sorts after it: none is equal to
            # `until`. The indexes' keys are bare times, and BETWEEN holds for its end too.
            last = until if index is None else _moved(until, timedelta(milliseconds=-1))
            condition = f"{sort_key} BETWEEN :since AND :until"
            values.update({":since": {"S": since}, ":until": {"S": last}})
        elif since is not None:
            condition = f"{sort_key} >= :since"
            values[":since"] = {"S": since}
        elif until is not None:
            condition = f"{sort_key} < :until"
            values[":until"] = {"S": until}
        else:
            condition = ""
        for item in self._query(
            table,
            partition_key,
            key,
            condition,
            values,
            filters=conditions,
            index=index,
            backwards=newest_first,
            limit=page_size,
        ):
            event = _event(item)
            if via:
                event["via"] = "alias"
            yield event

    # Who used what on which day

    def last_used(self, principals: Iterable[str], *, resource: str | None = None) -> dict[str, Use | None]:
        """When each principal last used anything, or that resource: the last day, and one of
        the uses on it (a write if there was one, else a read, else what was denied).

        Costs a Query of one item for each principal, half a read unit; two for a role, which
        may be known by two keys. Of a resource a principal's edges are read from the last on.
        """
        keys = list(dict.fromkeys(principals))
        names: list[Name] = []
        if resource is not None:
            resource = _resource(resource)
            names = [(resource, [(None, None)]), *self._resource_names(resource)]

        def last(principal: str) -> Use | None:
            key = _principal(principal)
            edges = [self._last_edge(name, names) for name, _ in [(key, []), *self._principal_names(key)]]
            found = max((edge for edge in edges if edge), key=lambda edge: edge["edge"], default=None)
            return Use(found["activity_day"], found["kind"], found["other"]) if found else None

        return dict(zip(keys, self._each(last, keys)))

    def _last_edge(self, principal: str, names: list[Name]) -> dict[str, Any] | None:
        """Its last use, of all or of what has these names."""
        edges = self._facts(f"principal#{principal}", "used#", backwards=True, limit=_EDGES if names else 1)
        held = {name: windows for name, windows in names}
        for edge in edges:
            if not names or _holds_on(edge["activity_day"], held.get(edge["other"], [])):
                return edge
        return None

    def acted_as(
        self,
        *,
        session: str | None = None,
        person: str | None = None,
        access_key: str | None = None,
        source_identity: str | None = None,
    ) -> list[Acted]:
        """As which principals it acted, by day from the first on. Name one of the four."""
        facet, text = _one_of(
            session=session, person=person, access_key=access_key, source_identity=source_identity
        )
        escaped = text.replace("%", "%25").replace("#", "%23")
        edges = self._facts(f"known#{facet}", f"{escaped}#")
        return [Acted(edge["activity_day"], edge["other"]) for edge in edges]

    def _acted_days(self, **facets: str | None) -> dict[str, tuple[str, str]]:
        """The first and last day as each principal."""
        days: dict[str, tuple[str, str]] = {}
        for acted in self.acted_as(**facets):
            first, _ = days.get(acted.principal, (acted.day, acted.day))
            days[acted.principal] = (first, acted.day)
        return days

    def active(self, day: str) -> list[str]:
        """The principals with activity on that day, YYYY-MM-DD (UTC)."""
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", day):
            raise ValueError(f"{day!r} is no day: give YYYY-MM-DD")
        return [edge["other"] for edge in self._facts(f"day#{day}")]

    # Names

    def _principal_names(self, key: str) -> list[Name]:
        """A role with its path has one key without it; one without may have keys with it."""
        arn = _arn(key)
        if arn and arn[2] == "iam" and arn[5].startswith("role/") and arn[5].count("/") > 1:
            name = arn[5].rpartition("/")[2]
            return [(f"arn:{arn[1]}:iam::{arn[4]}:role/{name}", [(None, None)])]
        if ":role/" not in key:
            return []
        roles = self._facts(f"principal#{key}", "role#")
        return [(role["other_principal"], [(None, None)]) for role in roles]

    def _resource_names(self, key: str) -> list[Name]:
        """The names of an ARN, and when each stood for it; the ARNs that a name stood for, the
        same."""
        if key.startswith("name:"):
            aliases = self._aliases(key)
            arns = sorted({alias["other_key"] for alias in aliases})
            held = [(arn, _spans(aliases, arn)) for arn in arns]
            return [(arn, windows) for arn, windows in held if windows]
        names = {alias["other_key"] for alias in self._aliases(key) if alias["other_key"].startswith("name:")}
        held = [(name, _spans(self._aliases(name), key)) for name in sorted(names)]
        return [(name, windows) for name, windows in held if windows]

    def _aliases(self, key: str) -> list[dict[str, Any]]:
        """Other keys of the same thing, as events showed them."""
        return [alias for alias in self._facts(f"resource#{key}", "alias#") if alias["same_thing"]]

    # Coverage

    def coverage(
        self,
        *,
        principal: str | None = None,
        resource: str | None = None,
        account: str | None = None,
        region: str | None = None,
        since: Time | None = None,
        until: Time | None = None,
    ) -> Coverage:
        """How far an answer about that principal or resource, or of that account and Region,
        reaches; of all trails where nothing is named. Five Queries for each account and Region,
        and one for each month."""
        if principal is not None:
            arn = _arn(_principal(principal))
            account = arn[4] if arn and arn[2] in ("iam", "sts") else None
        elif resource is not None:
            account, region = _place(_resource(resource))
        since, until = _text(since), _text(until)
        now = self._now or datetime.now(timezone.utc)
        end = min(until or _of(now), _of(now))
        trails = [
            trail
            for trail in map(_Trail.of, self._facts("known#trail"))
            if trail and account in (None, trail.account) and region in (None, trail.region)
        ]
        list(self._each(lambda trail: self._fill(trail, since, end), trails))
        self._add_attention(trails, since, end)
        return _coverage(trails, since, end, now)

    def _fill(self, trail: _Trail, since: str | None, end: str) -> None:
        """What directory and ledger know of a trail's folder."""
        trail.tracked_since, _ = self._end_of(trail.folder, backwards=False)
        trail.delivered_up_to, last = self._end_of(trail.folder, backwards=True)
        trail.events_kept_days = last.get("events_kept_days") if last else None
        # Of a question without a beginning it would take all digests there are.
        if since is not None and since <= _moved(end, _LATE):
            digests = self._query(
                "ledger",
                "folder",
                _bounded(f"digest#{trail.folder}"),
                "object_key BETWEEN :since AND :until",
                {":since": {"S": since}, ":until": {"S": _moved(end, _LATE)}},
            )
            trail.digests = list(digests)

    def _end_of(self, folder: str, backwards: bool) -> tuple[str | None, dict[str, Any] | None]:
        """When the first or the last object of a trail's folder was made, and its entry."""
        for fact in self._facts(f"trail#{folder}", backwards=backwards, limit=1):
            day = fact["delivery_day"]
            of_day = _bounded(f"{folder}{day.replace('-', '/')}/")
            for entry in self._query("ledger", "folder", of_day, backwards=backwards, limit=1, grows=True):
                return _made_at(entry["object_key"]), entry
            # The ledger may forget before the directory does.
            return f"{day}T00:00:00.000Z", None
        return None, None

    def _add_attention(self, trails: list[_Trail], since: str | None, end: str) -> None:
        """The objects that are not accepted, month by month."""
        tracked = min((trail.tracked_since for trail in trails if trail.tracked_since), default=None)
        if tracked is None:
            return
        start = max(since or tracked, tracked)
        # Of one trail alone its own part of the month is read.
        condition, values = "", {}
        if len(trails) == 1:
            condition, values = "begins_with(folder, :folder)", {":folder": {"S": trails[0].folder}}

        def not_accepted(month: str) -> list[dict[str, Any]]:
            return list(self._query("ledger", "attention_month", month, condition, values, index="attention"))

        for entries in self._each(not_accepted, _months(start, _moved(end, _LATE))):
            for entry in entries:
                for trail in trails:
                    if entry["folder"].startswith(trail.folder):
                        trail.attention.append(entry)
                        break

    # Queries

    def _facts(
        self, subject: str, beginning: str = "", *, backwards: bool = False, limit: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """What the directory says of a subject, of the edges that begin so."""
        condition, values = "", {}
        if beginning:
            condition, values = "begins_with(edge, :edge)", {":edge": {"S": beginning}}
        subject = _bounded(subject)
        return self._query(
            "directory", "subject", subject, condition, values, backwards=backwards, limit=limit, grows=True
        )

    def _query(
        self,
        table: str,
        partition_key: str,
        partition: str,
        condition: str = "",
        values: dict[str, Any] | None = None,
        *,
        filters: Iterable[str] = (),
        index: str | None = None,
        backwards: bool = False,
        limit: int | None = None,
        grows: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """The items of a partition, page by page as they are asked for. No attribute name is a
        reserved word."""
        now = self._now or datetime.now(timezone.utc)
        unexpired = "(attribute_not_exists(expires_at) OR expires_at > :now)"
        request: dict[str, Any] = {
            "TableName": getattr(self.tables, table),
            "KeyConditionExpression": f"{partition_key} = :partition" + (condition and f" AND {condition}"),
            "FilterExpression": " AND ".join([*filters, unexpired]),
            "ExpressionAttributeValues": {
                **(values or {}),
                ":partition": {"S": partition},
                ":now": {"N": str(int(now.timestamp()))},
            },
            "ScanIndexForward": not backwards,
            "ReturnConsumedCapacity": "TOTAL",
        }
        if index:
            request["IndexName"] = index
        if limit:
            request["Limit"] = limit
        while True:
            page = self._client.query(**request)
            with self._lock:
                self._read_units += (page.get("ConsumedCapacity") or {}).get("CapacityUnits", 0.0)
            for item in page["Items"]:
                yield {name: _plain(value) for name, value in item.items()}
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
            if limit and grows:
                # What was read so far had expired.
                request["Limit"] = max(limit, _EDGES)

    def _each(self, ask: Callable[[Question], Answer], questions: Iterable[Question]) -> list[Answer]:
        """The answers in the order of the questions, several asked at a time."""
        questions = list(questions)
        if len(questions) < 2:
            return [ask(question) for question in questions]
        with ThreadPoolExecutor(min(self._workers, len(questions))) as pool:
            return list(pool.map(ask, questions))


# Keys


def _principal(key: str) -> str:
    arn = _arn(key)
    if arn and arn[2] == "sts" and arn[5].startswith("assumed-role/"):
        role, _, session = arn[5][len("assumed-role/") :].rpartition("/")
        raise ValueError(
            f"{key} is a role's session: ask for the principal arn:{arn[1]}:iam::{arn[4]}:role/{role}"
            f" and the session {session}"
        )
    if ":" not in key:
        raise ValueError(
            f"{key!r} is no principal: give an ARN, or TYPE:ID as in AWSService:redshift.amazonaws.com"
        )
    return key


def _resource(key: str) -> str:
    if not key.startswith(("arn:", "name:", "statement:")):
        raise ValueError(
            f"{key!r} is no resource: give an ARN, name:SERVICE:REGION:ACCOUNT:TYPE/NAME or"
            " statement:REGION:ACCOUNT/ID"
        )
    return key


def _one_of(**texts: str | None) -> tuple[str, str]:
    given = [(name, text) for name, text in texts.items() if text is not None]
    if len(given) != 1:
        raise ValueError(f"name one of {', '.join(texts)}")
    return given[0]


def _arn(text: str) -> list[str] | None:
    """`arn`, partition, service, Region, account, resource."""
    parts = text.split(":", 5)
    whole = len(parts) == 6 and parts[0] == "arn" and parts[1] and parts[2] and parts[5]
    return parts if whole else None


def _place(resource: str) -> tuple[str | None, str | None]:
    """Account and Region of a resource; None where its key tells neither."""
    if any(kind in resource for kind in (":datashare:", ":snapshot:", ":snapshot/")):
        # What may be shared is used in other accounts, and recorded there.
        return None, None
    arn = _arn(resource)
    if arn:
        region, account = arn[3], arn[4]
    else:
        parts = re.split("[:/]", resource)[2 if resource.startswith("name:") else 1 :]
        region, account = (parts + ["", ""])[:2]
    is_account = re.fullmatch("[0-9]{12}", account)
    return account if is_account else None, region if region not in ("", "*") else None


def _bounded(text: str) -> str:
    """A text as a partition key of DynamoDB's: cut and hashed where it is too long, or reads like that."""
    data = text.encode()
    if len(data) <= _PARTITION_KEY and not re.search("~[0-9a-f]{64}\\Z", text):
        return text
    start = data[: _PARTITION_KEY - 65].decode(errors="ignore")
    return f"{start}~{hashlib.sha256(data).hexdigest()}"


# Times


def _time(time: Time) -> datetime:
    if isinstance(time, str):
        time = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", time))
    if time.tzinfo is None:
        raise ValueError(f"{time} has no time zone")
    return time.astimezone(timezone.utc)


def _text(time: Time | None) -> str | None:
    return None if time is None else _of(_time(time))


def _of(time: datetime) -> str:
    return time.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _moved(time: str, by: timedelta) -> str:
    try:
        return _of(datetime.fromisoformat(time[:-1]) + by)
    except (OverflowError, ValueError):
        # Beyond the years that Python counts.
        return time


def _within(one: Window, other: Window) -> Window:
    """The times that are in both."""
    since = max((time for time in (one[0], other[0]) if time is not None), default=None)
    until = min((time for time in (one[1], other[1]) if time is not None), default=None)
    return since, until


def _holds_on(day: str, windows: list[Window]) -> bool:
    """Whether some of that day is in one of them."""
    return any(
        (since is None or since[:10] <= day) and (until is None or f"{day}T00:00:00.000Z" < until)
        for since, until in windows
    )


def _months(start: str, end: str) -> list[str]:
    """YYYY-MM, from the first time's month to the last's."""
    month, months = start[:7], []
    while month <= end[:7]:
        months.append(month)
        year, number = int(month[:4]), int(month[5:])
        month = f"{year + number // 12:04}-{number % 12 + 1:02}"
    return months


def _made_at(object_key: str) -> str | None:
    """When an object was made, to the minute, from its name."""
    name = re.fullmatch(
        r"\d{12}_CloudTrail_[a-z0-9-]+_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z\w+\.json\.gz",
        object_key.partition("#")[0],
        re.ASCII,
    )
    return name and "{}-{}-{}T{}:{}:00.000Z".format(*name.groups())


def _spans(aliases: list[dict[str, Any]], arn: str) -> list[Window]:
    """The times in which the name of these sightings stood for `arn`: from its creation, or where
    that was not seen from the moment another's ended, to its deletion or another's beginning."""
    spans: list[Window] = []
    held_by: str | None = None
    since: str | None = None
    free_since: str | None = None

    def end(until: str) -> None:
        if held_by == arn:
            spans.append((since, _moved(until, timedelta(milliseconds=1))))

    # At one time a deletion precedes a creation: the name is free first.
    for alias in sorted(aliases, key=lambda alias: (alias["event_time"], alias["glimpse"] != "deleted")):
        at, glimpse, other = alias["event_time"], alias["glimpse"], alias["other_key"]
        if held_by != other:
            if held_by is not None:
                end(at)
                free_since = at
            held_by, since = other, at if glimpse == "created" else free_since
        if glimpse == "deleted":
            end(at)
            held_by, free_since = None, at
    if held_by == arn:
        spans.append((since, None))
    return spans


# Items


def _plain(value: dict[str, Any]) -> Any:
    """An attribute's value as Python has it."""
    ((kind, content),) = value.items()
    if kind == "N":
        return int(content) if re.fullmatch("-?[0-9]+", content) else float(content)
    if kind == "L":
        return [_plain(element) for element in content]
    if kind == "M":
        return {name: _plain(member) for name, member in content.items()}
    return None if kind == "NULL" else content


def _event(item: dict[str, Any]) -> Event:
    """The event that an item holds, with what its other attributes tell filled in. Of a
    resource's item it has that one resource."""
    event = dict(item)
    for one, many in (("resource_key", "resource_arns"), ("part", "resource_parts")):
        if one in event:
            event[many] = [event.pop(one)]
    for name, value in _implied(event):
        event.setdefault(name, value)
    # NULL: what others would tell is not so, and the record does not tell.
    return {name: value for name, value in event.items() if value is not None}


def _implied(event: Event) -> Iterator[tuple[str, Any]]:
    time, separator, event_id = event["event_key"].partition("#")
    if separator:
        yield "event_time", time
        yield "event_id", event_id
    identity_type = _identity_type(event["principal"])
    if identity_type:
        yield "identity_type", identity_type
    person = event.get("person")
    if person is not None and ":" not in person:
        yield "session_name", person
    if (event.get("access_key_id") or "").startswith("ASIA"):
        yield "mfa_authenticated", False
    yield "selected_by", "event_source"
    if "resource_arns" in event:
        yield "resource_parts", ["target"] * len(event["resource_arns"])


def _identity_type(principal: str) -> str | None:
    arn = _arn(principal)
    if not arn:
        return principal.split(":")[0]
    kinds = {
        ("iam", "root"): "Root",
        ("iam", "user"): "IAMUser",
        ("iam", "role"): "AssumedRole",
        ("sts", "federated-user"): "FederatedUser",
    }
    return kinds.get((arn[2], arn[5].split("/")[0]))


def _filters(
    facets: dict[str, str | None], event_name: str | None, event_source: str | None, writes: bool
) -> tuple[list[str], dict[str, Any]]:
    """Conditions on an item, and the values they name."""
    equal = {
        "event_name": event_name,
        "event_source": event_source,
        "access_key_id": facets["access_key"],
        "source_identity": facets["source_identity"],
        "person": facets["person"],
    }
    conditions = [f"{name} = :{name}" for name, text in equal.items() if text is not None]
    values: dict[str, Any] = {f":{name}": {"S": text} for name, text in equal.items() if text is not None}
    if facets["session"] is not None:
        # Of an Identity Center role the session's name is the person, and not written twice.
        conditions.append(
            "(session_name = :session OR (attribute_not_exists(session_name) AND person = :session))"
        )
        values[":session"] = {"S": facets["session"]}
    if writes:
        conditions.append("(attribute_not_exists(read_only) OR read_only = :read_only)")
        values[":read_only"] = {"BOOL": False}
    return conditions, values


def _merged(streams: list[Iterator[Event]], newest_first: bool) -> Iterator[Event]:
    """In the order of time, each event once; the first stream that holds it wins."""
    last = None
    for event in heapq.merge(*streams, key=lambda event: event["event_key"], reverse=newest_first):
        if event["event_key"] != last:
            yield event
        last = event["event_key"]


# Coverage


class _Trail:
    """What the tables know of the folder of one account and Region."""

    def __init__(self, folder: str, account: str, region: str) -> None:
        self.folder = folder
        self.account = account
        self.region = region
        self.tracked_since: str | None = None
        self.delivered_up_to: str | None = None
        self.events_kept_days: int | None = None
        self.digests: list[dict[str, Any]] = []
        self.attention: list[dict[str, Any]] = []

    @classmethod
    def of(cls, fact: dict[str, Any]) -> _Trail | None:
        """From `BUCKET/…/ACCOUNT/CloudTrail/REGION/`."""
        parts = fact["trail_folder"].split("/")
        return cls(fact["trail_folder"], parts[-4], parts[-2]) if len(parts) > 3 and not parts[-1] else None

    def proven_up_to(self, start: str | None) -> str | None:
        """Up to when the digests prove everything: from `start` on or from the first of them. Where
        several trails deliver into the folder, a hole among the digests of any is one."""
        digests = [digest for digest in self.digests if start is None or start < digest["digest_end"]]
        open_at = [digest["digest_start"] for digest in digests if digest["digest_verdict"] != "proven"]
        ends: dict[str, str] = {}
        up_to: str | None = None
        for digest in digests:
            # The hour's own digest tells what was delivered in it; that of late logs adds to it.
            if digest.get("is_backfill"):
                continue
            end = ends.get(digest["trail"])
            if end is not None and end < digest["digest_start"]:
                open_at.append(end)
            ends[digest["trail"]] = digest["digest_end"]
            begins = digest["digest_start"] <= (up_to or start or digest["digest_start"])
            if digest["digest_verdict"] == "proven" and begins:
                up_to = max(up_to or "", digest["digest_end"])
        if up_to is not None:
            up_to = min([up_to, *open_at])
        return up_to if up_to is not None and (start is None or start < up_to) else None


def _coverage(trails: list[_Trail], since: str | None, until: str, now: datetime) -> Coverage:
    """Of what was asked from `since` until `until`, when it is `now`."""
    tracked: dict[str, str] = {}
    delivered: dict[str, str] = {}
    for trail in trails:
        # A Region that delivers later than others of its account, or no more, is a quiet one.
        if trail.tracked_since is not None:
            tracked[trail.account] = min(tracked.get(trail.account, trail.tracked_since), trail.tracked_since)
        delivered[trail.account] = max(delivered.get(trail.account, ""), trail.delivered_up_to or "")
    tracked_since = max(tracked.values(), default=None)
    delivered_up_to = min(delivered.values(), default=None) or None
    kept_since = None
    newest = max(enumerate(trails), key=lambda at: (at[1].delivered_up_to or "", at[0]), default=None)
    if newest and newest[1].events_kept_days is not None:
        kept_since = _moved(_of(now), timedelta(days=-newest[1].events_kept_days))

    counts = {"rejected": 0, "waiting": 0, "quarantined": 0}
    for trail in trails:
        for entry in trail.attention:
            made = _made_at(entry["object_key"])
            if made and ((since is not None and made < since) or made > _moved(until, _LATE)):
                continue
            if entry["verdict"] in ("rejected", "waiting"):
                counts[entry["verdict"]] += 1
            else:
                counts["quarantined"] += max(entry.get("records_quarantined", 1), 1)
    of_all = (digest for trail in trails for digest in trail.digests)
    digests = [digest for digest in of_all if since is None or since < digest["digest_end"]]
    missing = sum(digest["logs_missing"] for digest in digests)
    altered = sum(digest["logs_altered"] for digest in digests)
    unlisted = sum(digest.get("logs_unlisted", 0) for digest in digests)

    # Of several folders of one account and Region, those that have digests must all be proven.
    start = since or max((time for time in (tracked_since, kept_since) if time), default=None)
    of_pairs: dict[tuple[str, str], list[str]] = {}
    for trail in trails:
        of_pair = of_pairs.setdefault((trail.account, trail.region), [])
        if trail.digests:
            of_pair.append(trail.proven_up_to(start) or "")
    proven = [min(of_pair, default="") for of_pair in of_pairs.values()]
    asked_for = _moved(until, _DELIVERY)
    proven_up_to = min([*proven, asked_for]) if proven else ""
    is_proven = proven_up_to >= asked_for

    # A question without a beginning is about what there is, but for one that ends before.
    begins = since or until

    def reaches_before(bound: str | None) -> bool:
        return bound is not None and begins < bound

    gaps = [
        # A proof that reaches back to the beginning tells more than the first object.
        ("before_tracking", reaches_before(tracked_since) and not is_proven),
        ("expired", reaches_before(kept_since)),
        # What was called just now is on its way.
        ("not_delivered_yet", (delivered_up_to or "") < _moved(until, -_DELIVERY) and not is_proven),
        ("rejected", counts["rejected"] > 0),
        ("quarantined", counts["quarantined"] > 0),
        ("waiting", counts["waiting"] > 0),
        ("missing", missing > 0),
        ("altered", altered > 0),
        ("unlisted", unlisted > 0),
        ("not_proven", not is_proven),
    ]
    return Coverage(
        accounts=sorted({trail.account for trail in trails}),
        regions=sorted({trail.region for trail in trails}),
        tracked_since=tracked_since,
        kept_since=kept_since,
        delivered_up_to=delivered_up_to,
        proven_up_to=proven_up_to or None,
        objects_rejected=counts["rejected"],
        objects_waiting=counts["waiting"],
        records_quarantined=counts["quarantined"],
        objects_missing=missing,
        objects_altered=altered,
        objects_unlisted=unlisted,
        gaps=[gap for gap, found in gaps if found] if trails else ["no_trail"],
    )
