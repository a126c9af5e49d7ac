"""Runs commands in turn and tells the median CPU seconds and the peak memory of each.

Reads a JSON object from standard input: {"rounds": 5, "commands": {"name": ["argv", ...]}}.
Writes a JSON object: {"name": {"seconds": 0.1, "peak_bytes": 1, "lines": 7}}; a command that
fails has {"error": "..."}.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile


def run(command):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            err.seek(0)
            raise RuntimeError(err.read().decode(errors="replace").strip()[-300:])
        out.seek(0)
        lines = sum(chunk.count(b"\n") for chunk in iter(lambda: out.read(1 << 20), b""))
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, lines


def main():
    request = json.load(sys.stdin)
    found = {name: [] for name in request["commands"]}
    errors = {}
    for _ in range(request["rounds"]):
        for name, command in request["commands"].items():
            if name in errors:
                continue
            try:
                found[name].append(run(command))
            except (OSError, RuntimeError) as error:
                errors[name] = str(error)
    answer = {}
    for name, runs in found.items():
        if name in errors:
            answer[name] = {"error": errors[name]}
            continue
        seconds, peaks, lines = zip(*runs)
        answer[name] = {
            "seconds": statistics.median(seconds),
            "peak_bytes": max(peaks),
            "lines": lines[0],
        }
    json.dump(answer, sys.stdout)


main()
