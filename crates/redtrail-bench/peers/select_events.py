"""What one would write without redtrail: the Redshift events of one log object, one line each.

Usage: select_events.py PEER OBJECT, or select_events.py versions
"""

import gzip
import importlib
import importlib.metadata
import json
import sys

FAMILY = {
    "redshift.amazonaws.com",
    "redshift-serverless.amazonaws.com",
    "redshift-data.amazonaws.com",
    "sqlworkbench.amazonaws.com",
}
SQL_FAMILY = ", ".join(f"'{name}'" for name in sorted(FAMILY))


def show(records):
    for record in records:
        if record["eventSource"] in FAMILY:
            row = (record.get("eventID"), record["eventTime"], record["eventName"])
            print(*row, record["userIdentity"].get("arn"), sep="\t")


def python_json(path):
    with gzip.open(path) as file:
        show(json.load(file)["Records"])


def orjson(path):
    library = importlib.import_module("orjson")
    with gzip.open(path) as file:
        show(library.loads(file.read())["Records"])


def ijson(path):
    library = importlib.import_module("ijson")
    with gzip.open(path) as file:
        show(library.items(file, "Records.item"))


def polars(path):
    library = importlib.import_module("polars")
    frame = library.read_json(gzip.open(path).read(), infer_schema_length=None)
    records = frame.explode("Records").unnest("Records")
    records = records.filter(library.col("eventSource").is_in(sorted(FAMILY)))
    for row in records.select("eventID", "eventTime", "eventName").iter_rows():
        print(*row, sep="\t")


def duckdb(path):
    library = importlib.import_module("duckdb")
    library.sql("set threads = 1")
    query = f"""
        select record.eventID, record.eventTime, record.eventName
        from (
            select unnest("Records") as record
            from read_json('{path}', maximum_object_size = 2000000000)
        )
        where record.eventSource in ({SQL_FAMILY})
    """
    for row in library.sql(query).fetchall():
        print(*row, sep="\t")


def chdb(path):
    library = importlib.import_module("chdb")
    query = f"""
        with arrayJoin(JSONExtractArrayRaw(line, 'Records')) as record
        select JSONExtractString(record, 'eventID'), JSONExtractString(record, 'eventTime'),
            JSONExtractString(record, 'eventName')
        from file('{path}', 'LineAsString', 'line String', 'gzip')
        where JSONExtractString(record, 'eventSource') in ({SQL_FAMILY})
        settings max_threads = 1
    """
    sys.stdout.write(str(library.query(query, "TSV")))


PEERS = {
    "json": python_json,
    "orjson": orjson,
    "ijson": ijson,
    "polars": polars,
    "duckdb": duckdb,
    "chdb": chdb,
}


def versions():
    found = {"json": sys.version.split()[0]}
    for name in PEERS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    json.dump(found, sys.stdout)


if sys.argv[1] == "versions":
    versions()
else:
    PEERS[sys.argv[1]](sys.argv[2])
