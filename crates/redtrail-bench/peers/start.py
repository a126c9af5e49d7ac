"""Starts functions in turn and tells what each takes until it first asks for an invocation.

Reads a JSON object from standard input: {"rounds": 15, "commands": {"name": ["argv", ...]},
"environment": {"AWS_REGION": "..."}}. Writes a JSON object: {"name": {"seconds": 0.01,
"instructions": 1000000}}, the median CPU seconds and, where Valgrind is installed, the
instructions; else null. A command that fails has {"error": "..."}.
"""

import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile

LONGEST_SECONDS = 60


def start(command, environment):
    """Runs the command until it polls a Runtime API; gives its resource usage and what it said."""
    with socket.create_server(("127.0.0.1", 0)) as server, tempfile.TemporaryFile() as told:
        server.settimeout(LONGEST_SECONDS)
        address = "127.0.0.1:%d" % server.getsockname()[1]
        process = subprocess.Popen(
            command,
            env={**environment, "AWS_LAMBDA_RUNTIME_API": address, "PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
        )
        try:
            connection, _ = server.accept()
            connection.settimeout(LONGEST_SECONDS)
            asked = connection.recv(4096)
        except TimeoutError:
            asked = b""
        os.kill(process.pid, signal.SIGTERM)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        told.seek(0)
        said = told.read().decode(errors="replace")
    if b"/runtime/invocation/next" not in asked:
        raise RuntimeError("it did not ask for an invocation: " + said.strip()[-300:])
    return usage, said


def instructions(command, environment):
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    tool = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    _, said = start(tool + command, environment)
    collected = re.search(r"Collected : (\d+)", said)
    return int(collected.group(1)) if collected else None


def main():
    request = json.load(sys.stdin)
    environment = request["environment"]
    answer = {}
    runs = {name: [] for name in request["commands"]}
    for _ in range(request["rounds"]):
        for name, command in request["commands"].items():
            if name in answer:
                continue
            try:
                runs[name].append(start(command, environment)[0])
            except (OSError, RuntimeError) as error:
                answer[name] = {"error": str(error)}
    for name, usages in runs.items():
        if name not in answer:
            answer[name] = {
                "seconds": statistics.median(use.ru_utime + use.ru_stime for use in usages),
                "instructions": instructions(request["commands"][name], environment),
            }
    json.dump(answer, sys.stdout)


main()
