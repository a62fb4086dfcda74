#!/bin/sh
# Collects the file system of an image without a shell: rootfs.sh PROGRAM FOLDER [STATE...]
# The program, the shared libraries that it names, the loader, and a user without privileges. Nothing else: Mozilla's roots are
# compiled in, and glibc from 2.34 on resolves names without further files. A STATE is an empty folder in which the program may write, for
# a volume.
set -eu
if [ $# -lt 2 ] || [ ! -x "$1" ]; then
    echo "rootfs.sh: expected a program that can be executed and a folder, found: $*" >&2
    exit 2
fi
program=$1 root=$2
shift 2
mkdir -p "$root/usr/local/bin" "$root/etc"
cp "$program" "$root/usr/local/bin/"
ldd "$program" | awk '$2 == "=>" { print $3 } $1 ~ "^/" { print $1 }' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
echo 'nonroot:x:65532:65532:nonroot:/nonexistent:/sbin/nologin' >"$root/etc/passwd"
echo 'nonroot:x:65532:' >"$root/etc/group"
for state in "$@"; do
    mkdir -p "$root$state"
    # As /tmp: COPY keeps the mode, and not the owner.
    chmod 1777 "$root$state"
done
