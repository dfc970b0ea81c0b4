#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The main job from start to end: a project is made, built, and run in a VM until its event is seen.
set -euo pipefail
cd "$(dirname "$0")/.."
unset MAKEFLAGS # the generated repository has a Makefile of its own

say() { printf '\n== %s\n' "$*"; }

tools/setup.sh run
rm -rf build/demo
say 'ebpf-new build/demo/hello --framework libbpf'
.venv/bin/ebpf-new build/demo/hello --framework libbpf --yes
tools/setup.sh packages build/demo/hello
say 'cd build/demo/hello && make'
make --no-print-directory -C build/demo/hello
say 'make test KERNEL=distro'
make --no-print-directory -C build/demo/hello test KERNEL=distro
