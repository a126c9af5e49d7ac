"""Runs every `aws …` and `redtrail …` command of the documents as it is written, against an address
where nobody answers: each must get as far as asking. A command, option or argument that is not there
is found; whether AWS would do it is not.

The commands run in bash, in an empty folder, with names for what the documents leave open."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOBODY = "http://127.0.0.1:9"
# What others install, build, deploy or run for real: `make sam-local`, CI, and a person.
NOT_RUN = ("pip", "sam", "cargo", "make", "source", ".", "#")
# Nothing of a real account is to be reached from here.
SETTINGS = {
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_ACCESS_KEY_ID": "example",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_ENDPOINT_URL": NOBODY,
    "PRINCIPALS_TABLE": "redtrail-principals",
    "RESOURCES_TABLE": "redtrail-resources",
    "DIRECTORY_TABLE": "redtrail-directory",
    "LEDGER_TABLE": "redtrail-ledger",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111122223333/redtrail",
    "FUNCTION": "redtrail-ingest",
}
FILES = {
    "body.json": "{}",
    "notification.json": "{}",
    "payload.json": "{}",
    "keys.json": '{"regions": {}}',
    "dist/redtrail-ingest-x86_64.zip": "",
    "dist/redtrail-reconcile-x86_64.zip": "",
    "dist/redtrail.template.json": "{}",
}
# Words in capitals are for the reader to fill in; most may be any text.
FOLDER = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02"
OBJECT = "111122223333_CloudTrail_us-east-1_20260302T0905Z_a1B2c3D4e5F6g7H8.json.gz"
NAMES = {"REFERENCE": f"s3://example-trail/{FOLDER}/{OBJECT}#3"}
# In place of a program: runs it and notes what it was asked and how it ended.
SHIM = """#!/bin/bash
said=$(mktemp -p "$NOTES")
printf '%s' "{name}" >"$said"; printf ' %q' "$@" >>"$said"; printf '\\n' >>"$said"
[ "{name} $1" = 'redtrail local' ] && exit
"{program}" "$@" 2>>"$said"
status=$?
printf 'status %s\\n' "$status" >>"$said"
exit "$status"
"""


def commands(text):
    """What stands after `$` in blocks, its lines joined; and whole commands between backticks."""
    for block in re.findall(r"```console\n(.*?)```", text, re.S):
        for command in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.M)[1:]:
            lines = command.splitlines()
            # A command that begins a quote or a loop goes on; else what follows is its output.
            whole = lines[0]
            while lines[1:] and subprocess.run(["bash", "-n", "-c", whole], capture_output=True).returncode:
                whole += "\n" + lines.pop(1)
            yield whole
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    for command in re.findall(r"`((?:aws|redtrail) [a-z0-9-]+ [^`]*--[^`]*)`", prose):
        if "…" not in command:
            yield " ".join(command.split())


def fault(name, note):
    """What is wrong with how a program ended, if anything is."""
    if name == "aws":
        asked = "Could not connect to the endpoint URL" in note or "upload failed" in note
        return None if asked or note.endswith("status 0\n") else "never asked"
    return "wrong usage" if note.endswith("status 2\n") else None


def main():
    aws, redtrail = (str(Path(program).absolute()) for program in sys.argv[1:])
    ran, faults = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        notes, shims, work = (folder / name for name in ("notes", "shims", "work"))
        for path in (notes, shims, work / "target/release", work / "dist", work / "copy/AWSLogs"):
            path.mkdir(parents=True)
        (work / "events").symlink_to(ROOT / "events")
        for name, program in (("aws", aws), ("redtrail", redtrail)):
            shim = shims / name
            shim.write_text(SHIM.replace("{name}", name).replace("{program}", program))
            shim.chmod(0o755)
        (work / "target/release/redtrail").symlink_to(shims / "redtrail")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= SETTINGS | {"NOTES": str(notes), "PATH": f"{shims}:{os.environ['PATH']}"}
        for document in DOCUMENTS:
            for command in commands(document.read_text()):
                if command.split()[0] in NOT_RUN or not re.search(r"\b(aws|redtrail) ", command):
                    continue
                for file, content in FILES.items():
                    (work / file).write_text(content)
                for name, value in NAMES.items():
                    command = re.sub(rf"\b{name}\b", value, command)
                run = {"cwd": work, "env": environment, "stdin": subprocess.DEVNULL, "timeout": 120}
                subprocess.run(["bash", "-c", command], capture_output=True, **run)
                found = sorted(notes.iterdir())
                for file in found:
                    note = file.read_text()
                    file.unlink()
                    ran += 1
                    if wrong := fault(note.split()[0], note):
                        faults += 1
                        print(f"✘ {document.relative_to(ROOT)}: {wrong}: {note}")
                if not found:
                    faults += 1
                    print(f"✘ {document.relative_to(ROOT)}: nothing was run: {command}")
    print(f"{ran} commands of {len(DOCUMENTS)} documents asked for what there is" if not faults else f"{faults} faults")
    return 1 if faults or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
