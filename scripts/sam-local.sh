#!/usr/bin/env bash
# `sam local invoke`, really run: the function that `sam build` built, in a container, against the
# embedded S3 and DynamoDB of `redtrail local`. Asserts on the answers and on the tables.
#
# It needs no Docker and no image from the net: podman from Debian runs a small image, made here,
# that stands in for Lambda's. It skips, loudly, only where podman cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."

state=$PWD/target/sam-local
image=public.ecr.aws/lambda/provided:al2023-x86_64
packages=(podman crun runc netavark aardvark-dns iptables containernetworking-plugins uidmap busybox-static ca-certificates)

skip() {
  printf '\n!!!! SKIPPED: sam local invoke was NOT run: %s\n\n' "$1" >&2
  exit 0
}

[ "$(uname -sm)" = 'Linux x86_64' ] || skip 'only Linux on x86_64 is known to work'
[ "$(id -u)" = 0 ] || skip 'it needs root, for a bridge'
have() { # commands
  local command
  for command in "$@"; do command -v "$command" >/dev/null || return; done
}
if ! have podman runc busybox; then
  command -v apt-get >/dev/null || skip 'there is no podman, and no apt-get to install it'
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >/dev/null ||
    skip 'podman could not be installed'
fi

rm -rf "$state/run" "$state/answers"
mkdir -p "$state/run" "$state/answers"
# Limits that a sandboxed machine may not raise, a manager that needs no systemd, and an event log
# that needs no journal.
cat >"$state/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
CONF
cat >"$state/storage.conf" <<CONF
[storage]
driver = "vfs"
graphroot = "$state/storage"
runroot = "$state/run/storage"
CONF
export CONTAINERS_CONF=$state/containers.conf CONTAINERS_STORAGE_CONF=$state/storage.conf
export DOCKER_HOST=unix://$state/run/podman.sock
export SAM_CLI_TELEMETRY=0

started=()
end() {
  podman rm --all --force >/dev/null 2>&1 || true
  for process in "${started[@]}"; do
    kill "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
}
trap end EXIT

await() { # what, file, process
  for _ in $(seq 300); do
    [ -e "$2" ] && return
    kill -0 "$3" 2>/dev/null || break
    sleep 0.1
  done
  echo "$1 did not start" >&2
  exit 1
}

# Lambda's image, as far as the function notices: glibc, a shell for SAM's own step, certificates.
base() {
  local root=$state/run/root library
  mkdir -p "$root"/{bin,etc/ssl/certs,etc/pki/tls/certs,lib64,usr/lib64,tmp,var/task,var/runtime,var/rapid,opt}
  cp "$(command -v busybox)" "$root/bin/busybox"
  for tool in sh mv cp chmod rm mkdir ls cat; do ln -s busybox "$root/bin/$tool"; done
  for library in ld-linux-x86-64.so.2 libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libgcc_s.so.1; do
    cp -L "/lib64/$library" "$root/lib64/" 2>/dev/null || cp -L "/lib/x86_64-linux-gnu/$library" "$root/lib64/"
  done
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/pki/tls/certs/ca-bundle.crt"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  tar --create --directory "$root" . |
    podman import --change 'ENV PATH=/bin' --change 'ENV LD_LIBRARY_PATH=/lib64:/var/task/lib' \
      --change 'WORKDIR /var/task' - "$image" >/dev/null
}

podman image exists "$image" || base
podman system service --time 0 "$DOCKER_HOST" 2>"$state/podman.log" &
started+=($!)
await podman "$state/run/podman.sock" $!

rm -f "$state/environment"
target/release/redtrail local --empty-tables --listen 0.0.0.0 --s3-port 9000 --dynamodb-port 8000 \
  --ready-file "$state/environment" >/dev/null &
started+=($!)
await 'redtrail local' "$state/environment" $!
# The bridge's address of this machine, as podman's default network has it.
gateway=$(podman network inspect podman --format '{{range .Subnets}}{{.Gateway}}{{end}}')

# shellcheck source=/dev/null
. "$state/environment"
invoke() { # event, file
  local file=${2:-events/$1.json}
  "$SAM" local invoke IngestFunction --event "$file" --env-vars events/env/local.json \
    --skip-pull-image --add-host "host.docker.internal:$gateway" \
    >"$state/answers/$1.json" 2>"$state/answers/$1.log" ||
    { cat "$state/answers/$1.log" >&2 && exit 1; }
}

expect() { # event, answer
  local answer
  answer=$(tr -d '[:space:]' <"$state/answers/$1.json")
  if [ "$answer" != "$2" ]; then
    printf '✘ %s: answered %s, not %s\n' "$1" "$answer" "$2" >&2
    cat "$state/answers/$1.log" >&2
    exit 1
  fi
  printf '✔ %s: answered %s\n' "$1" "$answer"
}

stored() { # table, key
  target/release/redtrail query "$1" "$2" --output jsonl 2>/dev/null | wc -l
}

person=arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_DataAnalyst_8f2c4a1b9d3e7056
cluster=arn:aws:redshift:us-east-1:111122223333:cluster:sales-prod

[ "$(stored principal "$person")" = 0 ] || { echo 'the tables are not empty' >&2 && exit 1; }
invoke sqs-s3
expect sqs-s3 '{"batchItemFailures":[]}'
once=$(stored principal "$person")
on_cluster=$(stored resource "$cluster")
[ "$once" -gt 0 ] && [ "$on_cluster" -gt 0 ] || { echo '✘ nothing was stored' >&2 && exit 1; }
echo "✔ the tables hold $once events of the principal, $on_cluster of the cluster"
# The same objects by another trigger: nothing is doubled.
invoke sqs-s3
expect sqs-s3 '{"batchItemFailures":[]}'
[ "$(stored principal "$person")" = "$once" ] || { echo '✘ a second delivery changed the tables' >&2 && exit 1; }
echo '✔ delivered twice: the same'
invoke eventbridge
expect eventbridge null
invoke s3-digest
expect s3-digest null
# Twice: the function takes an object for the first time, then one that it has finished.
for turn in first again; do
  echo '{"redtrail": "check", "bucket": "redtrail-sample-trail"}' >"$state/check-$turn.json"
  invoke "check-$turn" "$state/check-$turn.json"
  for check in bucket key tables; do
    grep -q "\"check\": *\"$check\"[^}]*\"state\": *\"good\"" "$state/answers/check-$turn.json" ||
      { cat "$state/answers/check-$turn.json" "$state/answers/check-$turn.log" >&2 && exit 1; }
  done
done
grep -q '"check": *"announcement"[^}]*"state": *"good"' "$state/answers/check-again.json" ||
  { cat "$state/answers/check-again.json" >&2 && exit 1; }
echo '✔ check: bucket, key and tables are good, and what is finished is told'
echo '1 passed, 0 failed'
