#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Takes the newest versions of what a generated repository locks, to see before its users do that one of them breaks it.
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
