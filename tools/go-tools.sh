#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds the commands in Go that the tests call from their modules into the cache: golangci-lint, for which the template of
# cilium/ebpf has settings, actionlint, which reads workflows, and act, which runs them.
#
#   tools/go-tools.sh        build those that were not built before with this Go
#   tools/go-tools.sh path   print the directory of each, one a line
set -euo pipefail

GO=1.25
# name, version, package
TOOLS=(
  "golangci-lint 2.15.0 github.com/golangci/golangci-lint/v2/cmd/golangci-lint"
  "actionlint 1.7.12 github.com/rhysd/actionlint/cmd/actionlint"
  "act 0.2.89 github.com/nektos/act"
)

say() { printf '== %s\n' "$*"; }
stop() {
  printf 'go-tools: %s\n' "$*" >&2
  exit 1
}

command -v go >/dev/null || stop "go is missing: install Go $GO or newer, https://go.dev/dl"
toolchains=${XDG_CACHE_HOME:-$HOME/.cache}/ebpf-new/toolchains
# Built with an older Go than the one that it is used with, a linter may not understand what that one compiled.
go_version=$(go env GOVERSION)
work=

directory_of() { echo "$toolchains/$1-$2-$go_version"; }

build() {
  local name=$1 version=$2 package=$3 target
  target=$(directory_of "$name" "$version")
  exec 9>"$toolchains/$name.lock"
  flock 9
  [ ! -d "$target" ] || return 0
  say "Building $name $version from its module: some minutes, once"
  work=$target.part
  rm -rf "$work"
  mkdir "$work"
  GOBIN=$work CGO_ENABLED=0 GOFLAGS='' go install "$package@v$version" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    stop "go cannot build $name $version; above is the end of what it said"
  }
  rm "$work/log"
  mv -T "$work" "$target"
}

case "${1-} $#" in
  "path 1" | " 0") ;;
  *) stop "usage: tools/go-tools.sh [path]" ;;
esac
for tool in "${TOOLS[@]}"; do
  read -r name version package <<<"$tool"
  target=$(directory_of "$name" "$version")
  if [ "${1-}" = path ]; then
    echo "$target"
  elif [ ! -d "$target" ]; then
    mkdir -p "$toolchains"
    trap 'rm -rf "$work"' EXIT
    build "$name" "$version" "$package"
  fi
done
