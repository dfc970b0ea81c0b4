#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Renews each lock file by the command at its own head.
#
#   tools/lock.sh [--upgrade]    --upgrade: with the newest versions, where the file itself names older ones
set -euo pipefail
cd "$(dirname "$0")/.."

PATH=$PWD/build/uv/bin:$PATH
for lock in requirements.lock requirements-dev.lock requirements-release.lock; do
  read -r -a command < <(sed -n '2s/^# *//p' "$lock")
  "${command[@]}" --quiet "$@"
done
