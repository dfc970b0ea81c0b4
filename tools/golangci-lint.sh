#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds golangci-lint from its module into the cache, for the tests: the template of cilium/ebpf has settings for it.
#
#   tools/golangci-lint.sh        build it, unless that was done before with this Go
#   tools/golangci-lint.sh path   print the directory that holds the command
set -euo pipefail

VERSION=2.15.0
GO=1.25

say() { printf '== %s\n' "$*"; }
stop() {
  printf 'golangci-lint: %s\n' "$*" >&2
  exit 1
}

command -v go >/dev/null || stop "go is missing: install Go $GO or newer, https://go.dev/dl"
# Built with an older Go than the one that it is used with, it may not understand what that one compiled.
toolchains=${XDG_CACHE_HOME:-$HOME/.cache}/ebpf-new/toolchains
target=$toolchains/golangci-lint-$VERSION-$(go env GOVERSION)
work=$target.part

build() {
  say "Building golangci-lint $VERSION from its module: about 2 minutes, once"
  rm -rf "$work"
  # shellcheck disable=SC2064 # the directory of this call
  trap "rm -rf '$work'" EXIT
  mkdir "$work"
  GOBIN=$work CGO_ENABLED=0 GOFLAGS='' \
    go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$VERSION" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    stop "go cannot build golangci-lint $VERSION; above is the end of what it said"
  }
  rm "$work/log"
  mv -T "$work" "$target"
}

case "${1-} $#" in
  "path 1") echo "$target" ;;
  " 0")
    [ ! -d "$target" ] || exit 0
    mkdir -p "$toolchains"
    exec 9>"$toolchains/golangci-lint.lock"
    flock 9
    [ -d "$target" ] || build
    ;;
  *) stop "usage: tools/golangci-lint.sh [path]" ;;
esac
