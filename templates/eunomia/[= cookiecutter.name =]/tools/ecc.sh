#!/bin/sh
# SPDX-License-Identifier: [= cookiecutter.license =]
# Compiles src/minimal.bpf.c with ecc and moves the results to build: tools/ecc.sh ECC [OPTION...]
set -eu
ecc=$(realpath "$1")
shift

# ecc fails in a directory whose path contains a space, so it gets a copy of src.
mkdir -p build
build=$PWD/build
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R src "$copy"
cd "$copy"

# Show ecc's error output, except for status 101: ecc has then printed the compiler's errors already.
"$ecc" --output-path minimal "$@" src/minimal.bpf.c 2>log || {
    [ $? = 101 ] || cat log >&2
    exit 1
}
mv minimal.bpf.o package.* "$build"
