#!/bin/sh
# Says whether the command is one static binary: it needs no library, and in a folder where there
# is nothing else it starts, and finds an address by its name.
set -eu
binary=$1
if readelf --dynamic "$binary" | grep -q NEEDED; then
    echo "$binary needs libraries of the system" >&2
    exit 1
fi
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
cp "$binary" "$root/redtrail"
run() {
    if [ "$(id -u)" = 0 ]; then
        chroot "$root" "$@"
    else
        unshare --map-root-user chroot "$root" "$@"
    fi
}
run /redtrail --version
mkdir -p "$root/etc"
echo '127.0.0.1 tables.example' > "$root/etc/hosts"
export AWS_ACCESS_KEY_ID=example AWS_SECRET_ACCESS_KEY=example
# Nobody listens there: to be refused it must have found the address.
said=$(run /redtrail active --tables-region us-east-1 --endpoint-url http://tables.example:9 \
    --directory-table d --ledger-table l 2>&1 || true)
case $said in
*onnection\ refused*) echo "finds an address by its name, without the system's libraries" ;;
*)
    echo "could not resolve a name in an empty folder: $said" >&2
    exit 1
    ;;
esac
ls -l "$binary"
