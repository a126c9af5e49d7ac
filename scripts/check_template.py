"""Lints the template as it is, as SAM transforms it, and as CloudFormation decides it for every
combination of conditions that matters; then reads the policy statements that it prints, and the
Terraform module around it.

Each delivery goes with every other setting off and with every other setting on, the latter with and
without the function for digests. With `--all`, also with so many mixtures that any two settings meet
in all four ways."""

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import hcl2
import package
import template as cloudformation

OTHER_ACCOUNT = "444455556666"
TRAIL = {"TrailBucketName": "trail"}
OF_ANOTHER_ACCOUNT = TRAIL | {"TrailBucketAccountId": OTHER_ACCOUNT}
IN_ANOTHER_REGION = OF_ANOTHER_ACCOUNT | {"TrailBucketRegion": "eu-west-1"}

DELIVERIES = {
    "eventbridge": {"Delivery": "EventBridge"} | TRAIL,
    "eventbridge-of-another-account": {"Delivery": "EventBridge"} | IN_ANOTHER_REGION,
    "topic": {"Delivery": "Topic", "TopicArn": "arn:aws:sns:us-east-1:111122223333:trail"} | TRAIL,
    "topic-of-another-region": {
        "Delivery": "Topic",
        "TopicArn": f"arn:aws:sns:eu-west-1:{OTHER_ACCOUNT}:trail",
        "RawMessageDelivery": "true",
    }
    | IN_ANOTHER_REGION,
    "topic-not-subscribed": {
        "Delivery": "Topic",
        "TopicArn": f"arn:aws:sns:us-east-1:{OTHER_ACCOUNT}:trail",
        "SubscribeToTopic": "false",
    }
    | OF_ANOTHER_ACCOUNT,
    "bucket-to-queue": {"Delivery": "BucketToQueue"} | TRAIL,
    "bucket-to-queue-of-another-account": {"Delivery": "BucketToQueue"} | OF_ANOTHER_ACCOUNT,
    "bucket-to-function": {"Delivery": "BucketToFunction"} | TRAIL,
    "bucket-to-function-of-another-account": {"Delivery": "BucketToFunction"} | OF_ANOTHER_ACCOUNT,
    "new-trail": {"Delivery": "NewTrail"},
}
KEY = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
SETTINGS = {
    "trail-key": {"TrailKmsKeyArn": KEY},
    "tables-key": {"TablesKmsKeyArn": KEY},
    "write-cap": {"MaximumWriteUnits": "1000"},
    "read-cap": {"MaximumReadUnits": "500"},
    "readers": {"ReaderPrincipals": f"arn:aws:iam::{OTHER_ACCOUNT}:root,arn:aws:iam::{OTHER_ACCOUNT}:role/Audit"},
    "alarm-topic": {"AlarmTopicArn": "arn:aws:sns:us-east-1:111122223333:alarms"},
    "subnets": {"SubnetIds": "subnet-11111111,subnet-22222222"},
    "security-groups": {"SecurityGroupIds": "sg-11111111"},
    "boundary": {"PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/Boundary", "RolePath": "/security/"},
    "prefix": {"TrailPrefix": "organization/"},
    "arm64": {"Architecture": "arm64"},
    "original": {"OriginalBucketName": "original"},
    "not-reconciled": {"Reconcile": "false"},
}
# What each delivery makes beside that which is always there, and whom it lets send: to the queue,
# to the dead-letter queue.
MADE = {
    "eventbridge": ({"TrailObjectRule"}, {"events"}, {"events"}),
    "eventbridge-of-another-account": (
        {"TrailObjectRule", "TrailEventsFromAnotherAccount"},
        {"events"},
        {"events"},
    ),
    "topic": ({"TopicSubscription"}, {"sns"}, {"sns"}),
    "topic-of-another-region": ({"TopicSubscription"}, {"sns"}, set()),
    "topic-not-subscribed": (set(), {"sns"}, set()),
    "bucket-to-queue": (set(), {"s3"}, set()),
    "bucket-to-queue-of-another-account": (set(), {"s3"}, set()),
    "bucket-to-function": ({"BucketInvokesFunction"}, set(), set()),
    "bucket-to-function-of-another-account": ({"BucketInvokesFunction"}, set(), set()),
    "new-trail": ({"TrialBucket", "TrialBucketPolicy", "TrialTrail"}, {"s3"}, set()),
}
# What is made for digests with any delivery; EventBridge announces them with each.
FOR_DIGESTS = {
    *("ReconcileFunction", "ReconcileFunctionDigests", "ReconcileRole", "ReconcileLogGroup"),
    *("DigestQueue", "DigestQueuePolicy", "DigestDeadLetterQueue", "DigestDeadLetterQueuePolicy", "DigestRule"),
    *("LogsMissingAlarm", "LogsAlteredAlarm", "LogsUnlistedAlarm", "ChainBrokenAlarm"),
    *("NoDigestsAlarm", "DeadDigestsAlarm"),
}
# What is made for them with some beside that, and who else may send: to the queue of digests, to its
# dead-letter queue.
ALSO_FOR_DIGESTS = {
    "topic": ({"DigestTopicSubscription"}, {"sns"}, {"sns"}),
    "topic-of-another-region": ({"DigestTopicSubscription", "TrailEventsFromAnotherAccount"}, {"sns"}, set()),
    "topic-not-subscribed": ({"TrailEventsFromAnotherAccount"}, {"sns"}, set()),
    "bucket-to-queue-of-another-account": ({"TrailEventsFromAnotherAccount"}, set(), set()),
    "bucket-to-function-of-another-account": ({"TrailEventsFromAnotherAccount"}, set(), set()),
}
# Parameters that no stack may be made with, and the rule that says so.
FORBIDDEN = [
    ({}, "BucketIsNamed"),
    ({"Delivery": "Topic"} | TRAIL, "TopicIsNamed"),
    ({"Delivery": "NewTrail"} | TRAIL, "NewTrailMakesItsBucket"),
    ({"Delivery": "NewTrail", "TrailKmsKeyArn": KEY}, "NewTrailMakesItsBucket"),
]


def mixtures(names):
    """Choices of names such that any two of them are on and on, on and off, off and on, off and off.

    Of seven choices each name is in four of the last six, and no two names in the same four: they
    differ both ways, share one, and the first choice is empty. That does for fifteen names."""
    columns = list(itertools.combinations(range(1, 7), 4))
    assert len(names) <= len(columns)
    for row in range(7):
        yield [name for name, column in zip(names, columns) if row in column]


def cases(with_mixtures):
    for delivery, given in DELIVERIES.items():
        possible = [name for name in SETTINGS if (delivery, name) != ("new-trail", "trail-key")]
        reconciled = [name for name in possible if name != "not-reconciled"]
        chosen = [("nothing", []), ("everything", possible), ("everything-reconciled", reconciled)]
        if with_mixtures:
            chosen += [("-".join(names), names) for names in list(mixtures(possible))[1:]]
        for label, names in chosen:
            settings = dict(itertools.chain.from_iterable(SETTINGS[name].items() for name in names))
            yield f"{delivery}-with-{label}", given | settings


def check_delivery(delivery, reconciles, template, decided):
    """Only what this delivery needs is made, and only its service may send."""
    resources, to_queue, to_dead_letters = MADE[delivery]
    senders = [("QueuePolicy", to_queue), ("DeadLetterQueuePolicy", to_dead_letters)]
    if reconciles:
        also, to_digests, to_dead_digests = ALSO_FOR_DIGESTS.get(delivery, (set(), set(), set()))
        resources = resources | FOR_DIGESTS | also
        senders.append(("DigestQueuePolicy", {"events"} | to_digests))
        senders.append(("DigestDeadLetterQueuePolicy", {"events"} | to_dead_digests))
    always = {name for name, entry in template["Resources"].items() if "Condition" not in entry}
    of_others = {"ReaderRole"}
    made = decided["Resources"].keys() - always - of_others
    assert made == resources, (delivery, made)
    for policy, expected in senders:
        statements = decided["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"]
        allowed = [entry["Principal"]["Service"] for entry in statements if entry["Effect"] == "Allow"]
        assert set(allowed) == {f"{service}.amazonaws.com" for service in expected}, (delivery, allowed)


def check_printed_statements(name, reconciles, resolver, decided):
    """What the outputs print for others to paste must be JSON, with nothing left to fill in but ARNs."""
    for output, entry in decided["Outputs"].items():
        if not re.search("Statements?$|BucketNotification$", output):
            continue
        text, variables = entry["Value"]["Fn::Sub"], {}
        if isinstance(text, list):
            text, variables = text

        def filled(match):
            return resolver.text(variables[match[1]]) if match[1] in variables else resolver.values.get(match[1], "ARN")

        entries = json.loads("[" + re.sub(r"\$\{([^}]+)\}", filled, text) + "]")
        for statement in entries:
            if output == "BucketNotification":
                assert len(statement.keys() & {"QueueArn", "LambdaFunctionArn"}) == 1, (name, statement)
            else:
                assert {"Sid", "Effect", "Principal", "Action", "Resource"} <= statement.keys(), (name, statement)
        # Both functions read, write and are told; readers are of others.
        if re.match("(Bucket|Key|Topic|TablesKey)Policy", output):
            of_queues = statement.get("Condition", {}).get("StringEquals", {}).get("sns:Endpoint")
            named = of_queues or statement["Principal"]["AWS"]
            assert len(named) == (2 if reconciles else 1), (name, output, named)


def check_dashboard(name, resolver, decided):
    """It is put together of parts, which must come to JSON."""
    text, variables = decided["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    parts = {part: resolver.text(value) for part, value in variables.items()}
    body = re.sub(r"\$\{([^}]+)\}", lambda match: parts.get(match[1], "NAME"), text)
    alarms = json.loads(body)["widgets"][0]["properties"]["alarms"]
    made = [entry for entry in decided["Resources"].values() if entry["Type"] == "AWS::CloudWatch::Alarm"]
    assert len(alarms) == len(made), (name, alarms)


def check_terraform():
    """Nothing here runs Terraform, so this is its syntax and the names it shares with the stack."""
    module = {}
    for file in sorted((cloudformation.ROOT / "examples/terraform").glob("*.tf")):
        with file.open() as text:
            for kind, entries in hcl2.load(text).items():
                module.setdefault(kind, []).extend(entries)
    template = package.plain_template()
    (stack,) = (entry["aws_cloudformation_stack"] for entry in module["resource"] if "aws_cloudformation_stack" in entry)
    given = set(re.findall(r"(\w+)'?\"?\s*[:=]", str(stack["redtrail"]["parameters"])))
    assert package.CODE_PARAMETERS.keys() <= given, given
    named = re.findall(r"outputs\[[\\\"']+(\w+)", str(module["output"]))
    assert len(named) == 2 and set(named) <= template["Outputs"].keys(), named


def run(*command):
    print("+", *command[:6], "…" if len(command) > 6 else "", flush=True)
    return subprocess.run(command, cwd=cloudformation.ROOT).returncode == 0


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--all", action="store_true")
    with_mixtures = arguments.parse_args().all
    tools = Path(sys.executable).parent
    os.environ["SAM_CLI_TELEMETRY"] = "0"
    sam_template = cloudformation.load()

    for given, rule in FORBIDDEN:
        broken = cloudformation.Resolver(sam_template, given).broken_rules()
        assert broken == [rule], f"{given} breaks {broken}, not {rule}"

    check_terraform()
    ok = run(str(tools / "sam"), "validate", "--lint", "--region", "us-east-1")
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, given in cases(with_mixtures):
            resolver = cloudformation.Resolver(sam_template, given)
            assert not resolver.broken_rules(), (name, resolver.broken_rules())
            code = {function: {"Bucket": "code", "Key": f"{function}.zip"} for function in package.ZIPS}
            values = {key: resolver.default(key) for key in sam_template["Parameters"]}
            plain = cloudformation.transformed(sam_template, code, values)
            decided = cloudformation.Resolver(plain, given).decided()
            reconciles = resolver.condition("Reconciles")
            check_delivery(name.split("-with-")[0], reconciles, plain, decided)
            check_printed_statements(name, reconciles, resolver, decided)
            check_dashboard(name, resolver, decided)
            file = Path(folder, f"{name}.json")
            file.write_text(json.dumps(decided, indent=1))
            files.append(str(file))
        size = max(Path(file).stat().st_size for file in files)
        print(f"{len(files)} combinations, the largest of {size} bytes", flush=True)
        ok &= run(str(tools / "cfn-lint"), "template.yaml", *files)
        ok &= run(
            *[str(tools / "checkov"), "--compact", "--quiet", "--framework", "cloudformation", "terraform"],
            *["--config-file", "scripts/checkov.yaml", "--directory", folder, "--directory", "examples/terraform"],
        )
    print("1 passed, 0 failed" if ok else "0 passed, 1 failed")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
