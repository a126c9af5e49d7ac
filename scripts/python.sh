#!/usr/bin/env bash
# Installs what the tests need of Python into target/python, once for each tests/python/requirements.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=target/python
requirements=tests/python/requirements.txt
if ! cmp -s $requirements $environment/requirements.txt; then
  [ -x $environment/bin/pip ] || python3 -m venv $environment
  $environment/bin/pip install --quiet --disable-pip-version-check --requirement $requirements
  cp $requirements $environment/requirements.txt
fi
