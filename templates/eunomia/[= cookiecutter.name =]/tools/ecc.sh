#!/bin/sh
# SPDX-License-Identifier: [= cookiecutter.license =]
# Compiles src/minimal.bpf.c by ecc and puts what comes of it into build: tools/ecc.sh ECC [OPTION...]
set -eu
ecc=$(realpath "$1")
shift

# ecc cannot work below a path that has a space in it, so it gets a copy of src.
mkdir -p build
build=$PWD/build
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R src "$copy"
cd "$copy"

# Its error output is about its own flags, or follows what it has said of a broken source (status 101).
"$ecc" --output-path minimal "$@" src/minimal.bpf.c 2>log || {
    [ $? = 101 ] || cat log >&2
    exit 1
}
mv minimal.bpf.o package.* "$build"
