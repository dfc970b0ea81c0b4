#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds the Go commands that the tests call into the cache: golangci-lint checks projects of cilium/ebpf, actionlint checks
# workflows, and act runs them.
#
#   tools/go-tools.sh        build those that were not built before with this Go
#   tools/go-tools.sh path   print the directory of each command, one a line
set -euo pipefail

SCRIPT=go-tools
# shellcheck source=tools/toolchain.sh
. "$(dirname "$0")/toolchain.sh"

GO=1.25
# name, version, package
TOOLS=(
  "golangci-lint 2.15.0 github.com/golangci/golangci-lint/v2/cmd/golangci-lint"
  "actionlint 1.7.12 github.com/rhysd/actionlint/cmd/actionlint"
  "act 0.2.89 github.com/nektos/act"
)

command -v go >/dev/null || stop "go is missing: install Go $GO or newer, https://go.dev/dl"
# A linter that was built with an older Go may not understand the packages of a newer one.
go_version=$(go env GOVERSION)

build() {
  local name=$1 version=$2 package=$3 work=$4
  say "Building $name $version from its Go module: some minutes, once"
  GOBIN=$work/result CGO_ENABLED=0 GOFLAGS='' go install "$package@v$version" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    stop "go cannot build $name $version; its output ends with the lines above"
  }
}

case "${1-} $#" in
  "path 1" | " 0") ;;
  *) stop "usage: tools/go-tools.sh [path]" ;;
esac
for tool in "${TOOLS[@]}"; do
  read -r name version package <<<"$tool"
  target=$TOOLCHAINS/$name-$version-$go_version
  if [ "${1-}" = path ]; then
    echo "$target"
  else
    build_once "$target" build "$name" "$version" "$package"
  fi
done
