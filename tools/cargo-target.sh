#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Compiles the dependencies of a libbpf-rs project into the cache. Each test starts from a copy of that target directory
# and compiles only its own project.
#
#   tools/cargo-target.sh        build it, unless it was built before with this Rust
#   tools/cargo-target.sh path   print the target directory
set -euo pipefail
cd "$(dirname "$0")/.."

SCRIPT=cargo-target
# shellcheck source=tools/toolchain.sh
. tools/toolchain.sh

TEMPLATE='templates/libbpf-rs/[= cookiecutter.name =]'
PROJECT=dependencies-only
unset MAKEFLAGS MFLAGS MAKELEVEL CARGO_TARGET_DIR

command -v cargo >/dev/null || stop "cargo is missing: install Rust, https://rustup.rs"

# The flags of the Makefile contain cargo's home directory, and cargo compiles again if the flags differ.
digest() {
  { cat "$TEMPLATE"/{Cargo.toml,Cargo.lock,Makefile} && rustc -vV && echo "${CARGO_HOME:-$HOME/.cargo}"; } |
    sha256sum | cut -c1-16
}

build() {
  local work=$1 project=$1/$PROJECT
  say "Compiling the dependencies of libbpf-rs projects: about a minute, once"
  .venv/bin/ebpf-new new "$project" --framework libbpf-rs --yes --no-git >/dev/null
  make -C "$project" build lint >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    stop "a libbpf-rs project does not build; the output of make ends with the lines above"
  }
  cargo clean --quiet --manifest-path "$project/Cargo.toml" --target-dir "$project/build/cargo" \
    --package "$PROJECT" --release
  mv -T "$project/build/cargo" "$work/result"
}

target=$TOOLCHAINS/cargo-$(digest)
case "${1-} $#" in
  "path 1") echo "$target" ;;
  " 0") build_once "$target" build ;;
  *) stop "usage: tools/cargo-target.sh [path]" ;;
esac
