#!/bin/sh
# SPDX-License-Identifier: [= cookiecutter.license =]
# Puts ecc and ecli into .tools, unless PATH has them: from eunomia-bpf's release, else built by cargo.
# For another processor than this machine's, tools/deps.sh ARCH, puts its ecli into .tools/ARCH too.
set -eu
arch=${1-$(uname -m)}
release=https://github.com/eunomia-bpf/eunomia-bpf/releases/download/v1.0.27
mkdir -p .tools
work=$(mktemp -d .tools/new.XXXXXX)
trap 'rm -rf "$work"' EXIT

# An AppImage, as the releases are, mounts itself to run: without FUSE, in a guest or a container, it cannot.
on_path() {
    program=$(command -v "$1") && [ "$(od -An -tx1 -j8 -N2 "$program")" != ' 41 49' ] && echo "$program"
}

works() { ".tools/$1" --help >/dev/null 2>&1; }

# number OFFSET SIZE FILE: the number that stands there.
number() { od -An -tu"$2" -j"$1" -N"$2" "$3" | tr -d ' '; }

# fetch NAME ARCH DIRECTORY: unpacks that release. Its files follow the ELF program that would mount them, which ends
# with its table of sections.
fetch() {
    asset=$1
    [ "$2" = x86_64 ] || asset=$1-$2
    echo "Fetching $release/$asset"
    curl --fail --silent --show-error --location --output "$work/$asset" "$release/$asset" || return
    end=$(($(number 40 8 "$work/$asset") + $(number 58 2 "$work/$asset") * $(number 60 2 "$work/$asset")))
    rm -rf "$3"
    unsquashfs -quiet -no-progress -offset "$end" -dest "$3" "$work/$asset"
}

# from_release NAME PROGRAM: takes the program in it.
from_release() {
    fetch "$1" "$(uname -m)" ".tools/$1.release" || return
    ln -sf "$1.release/$2" ".tools/$1"
    works "$1" || { echo "The release of $1 does not run on this machine" >&2 && return 1; }
}

# from_cargo NAME VERSION RUSTFLAGS [OPTION...]
from_cargo() {
    name=$1 version=$2 flags=$3
    shift 3
    command -v cargo >/dev/null || { echo 'cargo is missing: install Rust by rustup' >&2 && return 1; }
    echo "Building $name-rs $version by cargo: this takes minutes"
    RUSTFLAGS=$flags cargo install --quiet "$name-rs" --version "=$version" --locked --root "$work" "$@" || return
    rm -f ".tools/$name"
    mv "$work/bin/$name-rs" ".tools/$name"
    works "$name"
}

get_ecc() {
    from_release ecc AppRun || from_cargo ecc 0.3.3 ''
}

# Static: one file for a guest and for `make dist`. pkg-config knows what libelf needs; -lelf could be the shared one.
get_ecli() {
    from_release ecli usr/bin/bin && return
    flags='-C target-feature=+crt-static'
    for library in $(pkg-config --static --libs-only-l libelf); do
        flags="$flags -C link-arg=-l:lib${library#-l}.a"
    done
    # The libelf.a of elfutils 0.192 (Debian 13) lacks two functions, which set up and free what stays empty here.
    if pkg-config --exists 'libelf = 0.192'; then
        for function in eu_search_tree_init eu_search_tree_fini; do
            flags="$flags -C link-arg=-Wl,--defsym=$function=getpid"
        done
    fi
    from_cargo ecli 0.2.9 "$flags" --no-default-features --features native --target "$(uname -m)-unknown-linux-gnu"
}

for tool in ecc ecli; do
    on_path "$tool" || on_path "$tool-rs" || works "$tool" || "get_$tool" || {
        rm -rf ".tools/$tool" ".tools/$tool.release"
        echo "$tool is missing: type cargo install $tool-rs, or put one on PATH that is not an AppImage" >&2
        exit 1
    }
done

[ "$arch" = "$(uname -m)" ] || [ -e ".tools/$arch/ecli" ] || {
    mkdir -p ".tools/$arch"
    fetch ecli "$arch" ".tools/$arch/ecli.release"
    ln -sf ecli.release/usr/bin/bin ".tools/$arch/ecli"
}
