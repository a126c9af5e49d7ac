#!/usr/bin/env bash
# Installs Python tools into target/tools, once: scripts/tools.sh template [build]
set -euo pipefail
cd "$(dirname "$0")/.."
tools=target/tools/python
[ -x $tools/bin/pip ] || python3 -m venv $tools
for name in "$@"; do
  requirements=scripts/requirements/$name.txt
  if ! cmp -s "$requirements" "$tools/$name.txt"; then
    $tools/bin/pip install --quiet --disable-pip-version-check --requirement "$requirements"
    cp "$requirements" "$tools/$name.txt"
  fi
done
