#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Prepares a Debian or Ubuntu machine that has git, make and python3. It asks no questions. A second run only checks
# that everything is installed.
#
#   tools/setup.sh run            create .venv with ebpf-new and its locked packages
#   tools/setup.sh check          the same, and the development tools, which are Python packages
#   tools/setup.sh develop        the same, and the toolchains and system packages of the tests
#   tools/setup.sh bench          the same, and the system packages of the benchmarks
#   tools/setup.sh release        create build/uv with only uv, which locks, builds and publishes
#   tools/setup.sh packages DIR   install the system packages of the generated repository DIR
set -euo pipefail
cd "$(dirname "$0")/.."

# The packages of the tests, in addition to those of the generated repositories.
TEST_PACKAGES=(bubblewrap cpio direnv file jq lz4 nix-bin openssl qemu-system-arm shellcheck zstd)
# The packages that build and run their images (tools/containers).
CONTAINER_PACKAGES=(debootstrap podman runc squashfs-tools)
# The packages that tools/eunomia/build.sh needs.
EUNOMIA_PACKAGES=(
  bpftool clang clang-format gcc libbpf-dev libclang-dev libelf-dev libjson-c-dev llvm perl pkg-config zlib1g-dev
)
BENCH_PACKAGES=(kmod)
APT_LOG=build/apt.log
TOOLCHAINS=${XDG_CACHE_HOME:-$HOME/.cache}/ebpf-new/toolchains

say() { printf '== %s\n' "$*"; }
stop() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# A new machine can hold the lock of apt for its first update, so wait for the lock.
apt_get() {
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || stop "sudo is missing: run as root: apt-get $*"
    as_root=(sudo)
  fi
  mkdir -p "$(dirname "$APT_LOG")"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o DPkg::Lock::Timeout=600 "$@" </dev/null >>"$APT_LOG" 2>&1
}

apt_failed() {
  tail -n 20 "$APT_LOG" >&2
  stop "apt-get cannot $*; $APT_LOG ends with the lines above"
}

have_package_lists() {
  local list
  # shellcheck disable=SC2016 # apt fills it in
  while read -r list; do
    if compgen -G "$list*" >/dev/null; then return 0; fi
  done < <(apt-get indextargets --format '$(FILENAME)' 'Created-By: Packages')
  return 1
}

update_lists() {
  say "Fetching apt's package lists"
  apt_get update || apt_failed "fetch its package lists"
}

# install PACKAGE...: installs the packages that are missing.
install() {
  local package missing=() status
  have_apt || return 0
  for package; do
    status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null) || status=none
    [ "$status" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  have_package_lists || update_lists
  say "Installing ${missing[*]}"
  if ! apt_get install --yes --no-install-recommends "${missing[@]}"; then
    update_lists # old lists contain packages that the mirror no longer has
    apt_get install --yes --no-install-recommends "${missing[@]}" || apt_failed "install ${missing[*]}"
  fi
}

# Unpacks a package into the cache. If it were installed, its server would start with the machine.
unpack_into_cache() {
  local package=$1 work=$TOOLCHAINS/$1.part
  if ! have_apt || [ -d "$TOOLCHAINS/$package" ]; then return 0; fi
  have_package_lists || update_lists
  mkdir -p "$TOOLCHAINS" "$(dirname "$APT_LOG")"
  exec 8>"$TOOLCHAINS/$package.lock"
  flock 8
  [ ! -d "$TOOLCHAINS/$package" ] || return 0
  say "Fetching $package"
  rm -rf "$work"
  mkdir "$work"
  if ! download "$package" "$work"; then
    update_lists
    download "$package" "$work" || apt_failed "download $package"
  fi
  dpkg-deb --extract "$work/$package"_*.deb "$work/root"
  mv -T "$work/root" "$TOOLCHAINS/$package"
  rm -r "$work"
}

download() (cd "$2" && apt-get -qq download "$1") >>"$APT_LOG" 2>&1

# Without apt, the user installs the tools. Each script names the tool that it misses.
have_apt() { command -v apt-get >/dev/null; }

# The Makefile of the generated repository lists its packages.
repository_packages() {
  have_apt || return 0
  have_package_lists || update_lists
  local packages
  # shellcheck disable=SC2016 # make fills it in
  packages=$(env -u MAKEFLAGS make --no-print-directory -C "$1" --eval 'packages: ; @echo $(APT)' packages)
  # shellcheck disable=SC2086 # a list of words
  install $packages
}

packages_of_all_frameworks() {
  local directory framework frameworks
  directory=$(mktemp -d)
  # shellcheck disable=SC2064 # the directory of this call
  trap "rm -rf '$directory'" EXIT
  frameworks=$(.venv/bin/python -c 'from scaffold.project.catalog import load_catalog; print(*load_catalog())')
  for framework in $frameworks; do
    .venv/bin/ebpf-new "$directory/$framework/hello" --framework "$framework" --yes --no-git >/dev/null
    repository_packages "$directory/$framework/hello"
  done
}

require_python() {
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop "Python 3.11 or newer is required, but python3 on PATH is $(python3 --version): put a newer one first on PATH"
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    install python3-venv
    python3 -c 'import ensurepip, venv' ||
      stop "$(command -v python3) has no venv module: put /usr/bin first on PATH, or install Python with its venv module"
  fi
}

# environment LOCK NAME: creates .venv from a lock file, unless it was created from the same files before.
environment() {
  local lock=$1 name=$2 stamp wanted
  stamp=.venv/$name.installed
  wanted=$(sha256sum "$lock" pyproject.toml scaffold/__init__.py tools/setup.sh)
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && .venv/bin/python -c '' 2>/dev/null; then
    return 0
  fi
  require_python
  say "Installing ebpf-new with $lock into .venv"
  .venv/bin/python -m pip --version >/dev/null 2>&1 || python3 -m venv --clear .venv
  .venv/bin/python -m pip install --quiet --no-input --require-hashes --requirement "$lock"
  .venv/bin/python -m pip install --quiet --no-input --no-deps --no-build-isolation --editable .
  printf '%s\n' "$wanted" >"$stamp"
}

# uv has its own environment, so that no other package can change what it publishes.
release() {
  local lock=requirements-release.lock stamp=build/uv/installed
  if [ -f "$stamp" ] && cmp --silent "$lock" "$stamp"; then return 0; fi
  require_python
  say "Installing $lock into build/uv"
  python3 -m venv --clear build/uv
  build/uv/bin/python -m pip install --quiet --no-input --require-hashes --requirement "$lock"
  cp "$lock" "$stamp"
}

check() { environment requirements-dev.lock develop; }

develop() {
  check
  install "${TEST_PACKAGES[@]}" "${CONTAINER_PACKAGES[@]}" "${EUNOMIA_PACKAGES[@]}" "$@"
  unpack_into_cache docker-registry
  packages_of_all_frameworks
  tools/go-tools.sh
  tools/cargo-target.sh
  tools/eunomia/build.sh
  tools/containers/setup.sh
  tools/eunomia/release.sh
}

case "${1-} $#" in
  "run 1") environment requirements.lock run ;;
  "check 1") check ;;
  "develop 1") develop ;;
  "bench 1") develop "${BENCH_PACKAGES[@]}" ;;
  "release 1") release ;;
  "packages 2") repository_packages "$2" ;;
  *) stop "usage: tools/setup.sh run | check | develop | bench | release | packages DIR" ;;
esac
