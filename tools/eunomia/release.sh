#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Packs the ecc and the ecli that build.sh built, and an ecli for arm64, as AppImages like those in the releases of
# eunomia-bpf. tools/containers/docker serves them to containers that cannot reach these releases.
set -euo pipefail
cd "$(dirname "$0")"

SCRIPT=release
# shellcheck source=tools/toolchain.sh
. ../toolchain.sh

# An AppImage does not contain the C library and the libraries of the compiler: every machine has them.
SYSTEM_LIBRARIES='/(ld-linux[^/]*|lib(c|m|gcc_s|stdc\+\+))\.so'

# pack NAME DIRECTORY: writes an ELF program (here `true`) with the magic number of an AppImage, and the files after it.
pack() {
  mksquashfs "$2" "$work/files" -quiet -no-progress -all-root -comp gzip >/dev/null
  cat "$(type -P true)" "$work/files" >"$work/$1.part"
  printf 'AI\002' | dd of="$work/$1.part" bs=1 seek=8 conv=notrunc status=none
  mv "$work/$1.part" "$releases/$1"
  rm "$work/files"
}

pack_ecc() {
  local files=$work/ecc program library
  mkdir -p "$files/usr/bin" "$files/usr/lib"
  cp "$tools/bin/ecc-rs" "$files/usr/bin"
  for program in bin/ecc-rs libexec/bpftool; do ldd "$tools/$program"; done |
    awk '$3 ~ /^\// { print $3 }' | grep -Ev "$SYSTEM_LIBRARIES" | sort -u |
    while read -r library; do cp -L "$library" "$files/usr/lib"; done
  cat >"$files/AppRun" <<'END'
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH=$here/usr/lib exec "$here/usr/bin/ecc-rs" "$@"
END
  chmod +x "$files/AppRun"
  pack ecc "$files"
}

# pack_ecli NAME PROGRAM
pack_ecli() {
  mkdir -p "$work/$1/usr/bin"
  install -m 755 "$2" "$work/$1/usr/bin/bin"
  pack "$1" "$work/$1"
}

build_for_arm64() {
  local version
  version=$(sed -n 's/^ECLI=//p' build.sh)
  say "Building ecli-rs $version for arm64 from its crate: about 10 minutes, once"
  ../containers/docker build --file ecli-arm64.Dockerfile --build-arg "ECLI=$version" --output "$work/arm64" . \
    >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    stop "ecli cannot be built for arm64; $log ends with the lines above"
  }
}

[ "$(id -u)" = 0 ] || exec sudo --preserve-env "$0"
home=$(../containers/setup.sh path)
tools=$(dirname "$(./build.sh path)")
releases=$home/releases
work=$home/releases.part
log=$home/releases.log
inputs=$(without_comments release.sh ecli-arm64.Dockerfile && echo "$tools")

exec 9>"$home/releases.lock"
flock 9
[ "$inputs" != "$(cat "$releases/made" 2>/dev/null)" ] || exit 0
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work" "$releases"
pack_ecc
pack_ecli ecli "$tools/bin/ecli-rs"
build_for_arm64
pack_ecli ecli-aarch64 "$work/arm64/ecli-rs"
printf '%s\n' "$inputs" >"$releases/made"
