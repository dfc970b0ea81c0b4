#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Updates the locked dependencies of a generated repository, to find a version that breaks it before its users do.
#
#   tools/newest.sh DIR    DIR: the repository, after its `make deps`
set -euo pipefail

if [ $# != 1 ] || [ ! -f "$1/Makefile" ]; then
  echo "usage: tools/newest.sh DIR, where DIR is a generated repository" >&2
  exit 1
fi
cd "$1"

if [ -f go.mod ]; then
  go get -u ./... tool
  go mod tidy
fi
if [ -f Cargo.toml ]; then
  cargo update
fi
