#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Updates each lock file with the command in its first lines.
#
#   tools/lock.sh [--upgrade]    --upgrade: take the newest versions; without it, versions in the file stay
set -euo pipefail
cd "$(dirname "$0")/.."

PATH=$PWD/build/uv/bin:$PATH
for lock in requirements.lock requirements-dev.lock requirements-release.lock; do
  read -r -a command < <(sed -n '2s/^# *//p' "$lock")
  "${command[@]}" --quiet "$@"
done
