"""What of the Python client needs no tables: finding them, and refusing what means something else."""

import pathlib
import sys
import unittest
from datetime import datetime, timedelta, timezone
from unittest import mock

import boto3
from botocore.stub import Stubber

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "clients" / "python"))
from redtrail import Redtrail, Tables  # noqa: E402

NAMES = ["principals-table", "resources-table", "directory-table", "ledger-table", "principals-table-arn"]
TABLES = Tables("p", "r", "d", "l", region="eu-west-1")
SESSION = boto3.session.Session(aws_access_key_id="a", aws_secret_access_key="s", region_name="us-east-1")


def published(values):
    """A session whose parameter store answers with these."""
    ssm = SESSION.client("ssm")
    stubber = Stubber(ssm)
    parameters = [{"Name": f"/redtrail/prod/{name}", "Value": value} for name, value in values.items()]
    stubber.add_response(
        "get_parameters", {"Parameters": parameters}, {"Names": [f"/redtrail/prod/{name}" for name in NAMES]}
    )
    stubber.activate()
    return mock.Mock(client=mock.Mock(return_value=ssm))


class FindingTables(unittest.TestCase):
    def test_of_a_stack(self):
        arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/p"
        session = published(dict(zip(NAMES, ["p", "r", "d", "l", arn])))
        self.assertEqual(Tables.of_stack("prod", session), TABLES)

    def test_of_no_stack(self):
        with self.assertRaisesRegex(LookupError, "/redtrail/prod/resources-table: is prod a stack"):
            Tables.of_stack("prod", published({"principals-table": "p"}))

    def test_of_the_environment(self):
        variables = {"PRINCIPALS_TABLE": "p", "RESOURCES_TABLE": "r", "DIRECTORY_TABLE": "d", "LEDGER_TABLE": "l"}
        with mock.patch.dict("os.environ", variables, clear=True):
            self.assertEqual(Redtrail(session=SESSION).tables, Tables("p", "r", "d", "l"))
        with mock.patch.dict("os.environ", clear=True):
            with self.assertRaisesRegex(LookupError, "PRINCIPALS_TABLE, RESOURCES_TABLE"):
                Redtrail(session=SESSION)


class Refusing(unittest.TestCase):
    def setUp(self):
        self.redtrail = Redtrail(TABLES, session=SESSION)

    def refused(self, message, ask):
        with self.assertRaisesRegex(ValueError, message):
            ask()

    def test_a_role_session_is_no_principal(self):
        session = "arn:aws:sts::111122223333:assumed-role/Analyst/ana@example.com"
        role = "principal arn:aws:iam::111122223333:role/Analyst and the session ana@example.com"
        self.refused(role, lambda: self.redtrail.events(principal=session))
        self.refused(role, lambda: self.redtrail.last_used([session]))
        self.refused(role, lambda: self.redtrail.coverage(principal=session))

    def test_what_is_no_key(self):
        self.refused("no principal", lambda: self.redtrail.events(principal="ana"))
        self.refused("no principal", lambda: self.redtrail.last_used("ana"))
        self.refused("no resource", lambda: self.redtrail.events(resource="sales-prod"))
        self.refused("no day", lambda: self.redtrail.active("2026-03-02T09:00:00Z"))

    def test_what_asks_for_nothing_or_too_much(self):
        arn = "arn:aws:iam::111122223333:user/ana"
        self.refused("name one of", lambda: self.redtrail.events())
        self.refused("name one of", lambda: self.redtrail.acted_as(session="a", person="b"))
        self.refused("not both", lambda: self.redtrail.events(principal=arn, resource=arn))
        self.refused("what changed a resource", lambda: self.redtrail.events(principal=arn, changes=True))

    def test_times_without_a_zone(self):
        arn = "arn:aws:iam::111122223333:user/ana"
        for time in (datetime(2026, 3, 2), "2026-03-02T09:00:00", "2026-03-02"):
            self.refused("no time zone", lambda: self.redtrail.events(principal=arn, since=time))
        self.refused("yesterday", lambda: self.redtrail.events(principal=arn, since="yesterday"))

    def test_times_with_a_zone(self):
        later = datetime(2026, 3, 2, 11, 0, 0, 1999, tzinfo=timezone(timedelta(hours=2)))
        redtrail = Redtrail(TABLES, session=SESSION, now=later)
        asked = []
        redtrail._client = mock.Mock(query=lambda **request: asked.append(request) or {"Items": []})
        key = "AWSService:redshift.amazonaws.com"
        list(redtrail.events(principal=key, since=later, until="2026-03-02T10:00:00Z"))
        values = asked[0]["ExpressionAttributeValues"]
        self.assertEqual(values[":since"], {"S": "2026-03-02T09:00:00.001Z"})
        self.assertEqual(values[":until"], {"S": "2026-03-02T10:00:00.000Z"})
        self.assertEqual(values[":now"], {"N": "1772442000"})


if __name__ == "__main__":
    unittest.main()
