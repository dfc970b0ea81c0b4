#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Makes a bare Debian root by debootstrap, once for a suite and its packages, and prints where in the cache it is.
# Needs root.
#
#   tools/debian-root.sh SUITE [PACKAGE...]        for example: tools/debian-root.sh trixie git make python3
set -euo pipefail

stop() {
  printf 'debian-root: %s\n' "$*" >&2
  exit 1
}

# The archive that this machine installs its own release from.
own_mirror() {
  # shellcheck disable=SC2016 # apt fills these in
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk '$3 == "main" && $2 !~ /-/ && !found { print $1; found = 1 }'
}

make_root() {
  local suite=$1 target=$2 packages=$3 work mirror
  mirror=$(own_mirror)
  [ -n "$mirror" ] || stop "apt on this machine has no sources with a main component"
  command -v debootstrap >/dev/null || stop "debootstrap is missing: apt-get install debootstrap"
  mkdir -p "$(dirname "$target")"
  work=$(mktemp -d -p "$(dirname "$target")")
  debootstrap --variant=minbase ${packages:+--include="$packages"} "$suite" "$work" "$mirror" >"$work.log" ||
    stop "debootstrap failed, see $work.log"
  rm -rf "$work"/var/cache/apt/archives/*.deb "$work"/var/lib/apt/lists/* "$work.log"
  chmod 755 "$work"
  mv -T "$work" "$target"
}

[ $# -ge 1 ] || stop "usage: tools/debian-root.sh SUITE [PACKAGE...]"
suite=$1
shift
packages=$(IFS=,; echo "$*")
roots=${XDG_CACHE_HOME:-$HOME/.cache}/ebpf-new/bare-roots
target=$roots/$suite${packages:+-$(sha256sum <<<"$packages" | cut -c1-8)}
mkdir -p "$roots"
exec 9>"$target.lock"
flock 9
[ -d "$target" ] || make_root "$suite" "$target" "$packages"
echo "$target"
