# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
# Functions for the scripts that build toolchains into the cache. A script sets SCRIPT, its own name, and sources this.

TOOLCHAINS=${XDG_CACHE_HOME:-$HOME/.cache}/ebpf-new/toolchains

say() { printf '== %s\n' "$*"; }

stop() {
  printf '%s: %s\n' "$SCRIPT" "$*" >&2
  exit 1
}

# Prints files without their comment lines, which do not change what a script builds.
without_comments() {
  grep --no-filename --extended-regexp --invert-match '^\s*(#|//)( |$)' "$@"
}

# build_once TARGET COMMAND...
# Unless the directory TARGET exists, creates the directory WORK next to it and runs `COMMAND... WORK` under a lock.
# The directory WORK/result of the command becomes TARGET. After an error or a signal nothing is left.
build_once() {
  local target=$1
  shift
  [ ! -d "$target" ] || return 0
  mkdir -p "$TOOLCHAINS"
  exec 9>"$TOOLCHAINS/$SCRIPT.lock"
  flock --nonblock 9 || { say "Waiting for another build of ${target##*/}" && flock 9; }
  [ ! -d "$target" ] || return 0
  work=$target.part # not local: the trap reads it
  trap 'rm -rf "$work"' EXIT
  rm -rf "$work"
  mkdir -p "$work/result"
  "$@" "$work"
  mv -T "$work/result" "$target"
  rm -rf "$work"
}
