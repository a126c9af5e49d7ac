#!/usr/bin/env bash
# Installs a tool of cargo's into target/tools, once for each version:
# scripts/cargo-tool.sh NAME VERSION [OPTION...]
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1 version=$2
shift 2
tools=$PWD/target/tools
grep -qs "\"$name $version " "$tools/.crates.toml" && exit 0
# They run for seconds: time spent on optimizing them is lost.
export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1
export CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0
cargo install --quiet --locked --root "$tools" --target-dir "$tools/build" --version "$version" "$@" "$name"
rm -rf "$tools/build"
