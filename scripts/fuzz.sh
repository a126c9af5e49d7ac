#!/usr/bin/env bash
# Fuzzes each target for some seconds, from the corpus that is kept and from what earlier runs
# found: scripts/fuzz.sh SECONDS [TARGET...]. An input that breaks something stands in
# fuzz/artifacts afterwards. With `keep` instead of a number, what was found is minimised and
# becomes the corpus that is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
# The compiler's options for coverage are for nightly ones only; any compiler has them.
export RUSTC_BOOTSTRAP=1
seconds=$1
shift
[ $# -gt 0 ] || set -- envelope reader record keys cursor differential
cargo_fuzz() {
  local verb=$1
  shift
  PATH="$PWD/target/tools/bin:$PATH" cargo fuzz "$verb" --target-dir target/fuzz "$@"
}
mkdir -p target/fuzz
[ -d target/fuzz/corpus ] ||
  cargo run --quiet --release --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --bin seeds target/fuzz/corpus
for target in "$@"; do
  found=target/fuzz/corpus/$target kept=fuzz/corpus/$target
  mkdir -p "$found" "$kept"
  if [ "$seconds" = keep ]; then
    smallest=$(mktemp -d)
    cargo_fuzz run "$target" "$smallest" "$kept" "$found" -- \
      -set_cover_merge=1 -use_counters=0 -max_len=700 2>/dev/null
    rm -rf "$kept"
    mv "$smallest" "$kept"
    chmod 755 "$kept"
    echo "$target: $(ls "$kept" | wc -l) inputs are kept"
  else
    cargo_fuzz run "$target" "$found" "$kept" -- \
      -max_total_time="$seconds" -max_len=4096 -timeout=20 -print_final_stats=1 2>&1 |
      tee "target/fuzz/$target.log" | grep -E 'number_of_executed_units|ERROR|panicked|Test unit' |
      sed "s/^/$target: /"
    # grep must not hide that the target failed.
    ! grep -q 'Test unit written' "target/fuzz/$target.log"
  fi
done
