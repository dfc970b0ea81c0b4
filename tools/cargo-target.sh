#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds what a libbpf-rs project depends on into the cache, for the tests: each of their builds begins with a copy of
# that target directory and compiles the project alone.
#
#   tools/cargo-target.sh        build it, unless that was done before with this Rust
#   tools/cargo-target.sh path   print the target directory
set -euo pipefail
cd "$(dirname "$0")/.."

TEMPLATE='templates/libbpf-rs/[= cookiecutter.name =]'
NAME=dependencies-only
unset MAKEFLAGS MFLAGS MAKELEVEL CARGO_TARGET_DIR

say() { printf '== %s\n' "$*"; }
stop() {
  printf 'cargo-target: %s\n' "$*" >&2
  exit 1
}

command -v cargo >/dev/null || stop "cargo is missing: install Rust, https://rustup.rs"

# The flags of the Makefile name cargo's home, and cargo compiles anew for other flags.
digest() {
  { cat "$TEMPLATE"/{Cargo.toml,Cargo.lock,Makefile} && rustc -vV && echo "${CARGO_HOME:-$HOME/.cargo}"; } |
    sha256sum | cut -c1-16
}

toolchains=${XDG_CACHE_HOME:-$HOME/.cache}/ebpf-new/toolchains
target=$toolchains/cargo-$(digest)
work=$target.part

build() {
  say "Building the crates that libbpf-rs projects depend on: about a minute, once"
  rm -rf "$work"
  # shellcheck disable=SC2064 # the directory of this call
  trap "rm -rf '$work'" EXIT
  .venv/bin/ebpf-new new "$work/$NAME" --framework libbpf-rs --yes --no-git >/dev/null
  make -C "$work/$NAME" build lint >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    stop "a libbpf-rs project does not build; above is the end of what make said"
  }
  cargo clean --quiet --manifest-path "$work/$NAME/Cargo.toml" --target-dir "$work/$NAME/build/cargo" \
    --package "$NAME" --release
  mv -T "$work/$NAME/build/cargo" "$target"
}

case "${1-} $#" in
  "path 1") echo "$target" ;;
  " 0")
    [ ! -d "$target" ] || exit 0
    mkdir -p "$toolchains"
    exec 9>"$toolchains/cargo-target.lock"
    flock 9
    [ -d "$target" ] || build
    ;;
  *) stop "usage: tools/cargo-target.sh [path]" ;;
esac
