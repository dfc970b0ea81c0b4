#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Shows the main use from start to end: create a project, build it, and run it in a VM until its event is seen.
set -euo pipefail
cd "$(dirname "$0")/.."
unset MAKEFLAGS # they are not meant for the Makefile of the generated repository

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
