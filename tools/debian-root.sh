#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Creates an empty Debian root directory with debootstrap, once for each suite and list of packages, and prints its path
# in the cache. Needs root.
#
#   tools/debian-root.sh SUITE [PACKAGE...]        for example: tools/debian-root.sh trixie git make python3
set -euo pipefail

stop() {
  printf 'debian-root: %s\n' "$*" >&2
  exit 1
}

# Prints the archive from which this machine installs its release.
own_mirror() {
  (cd "$(dirname "$0")/.." && python3 -c 'from scaffold.vmtest.apt import configured_suites
print(next(suite.uri for suite in configured_suites() if "-" not in suite.name))') 2>/dev/null
}

create_root() {
  local suite=$1 target=$2 packages=$3 work mirror
  mirror=$(own_mirror) || stop "the apt sources of this machine do not contain a release with the component main"
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
[ -d "$target" ] || create_root "$suite" "$target" "$packages"
echo "$target"
