#!/bin/sh
# SPDX-License-Identifier: [= cookiecutter.license =]
# Installs ecc and ecli in .tools unless they are on PATH: eunomia-bpf's release, or a build with cargo.
# `tools/deps.sh ARCH` also installs ecli for another architecture, in .tools/ARCH.
set -eu
arch=${1-$(uname -m)}
release=https://github.com/eunomia-bpf/eunomia-bpf/releases/download/v1.0.27
mkdir -p .tools
work=$(mktemp -d .tools/new.XXXXXX)
trap 'rm -rf "$work"' EXIT

# AppImages are skipped: they need FUSE, which guests and containers do not have.
print_usable_path() {
    program=$(command -v "$1") && [ "$(od -An -tx1 -j8 -N2 "$program")" != ' 41 49' ] && echo "$program"
}

runs() { ".tools/$1" --help >/dev/null 2>&1; }

# read_number OFFSET SIZE FILE: print the unsigned number at this offset.
read_number() { od -An -tu"$2" -j"$1" -N"$2" "$3" | tr -d ' '; }

# fetch NAME ARCH DIRECTORY: unpack a release. It is an AppImage: an ELF program, followed by a squashfs image. The
# program ends with its section table, so the image starts at e_shoff + e_shentsize * e_shnum.
fetch() {
    asset=$1
    [ "$2" = x86_64 ] || asset=$1-$2
    echo "Fetching $release/$asset"
    curl --fail --silent --show-error --location --output "$work/$asset" "$release/$asset" || return
    offset=$(read_number 40 8 "$work/$asset")
    offset=$((offset + $(read_number 58 2 "$work/$asset") * $(read_number 60 2 "$work/$asset")))
    rm -rf "$3"
    unsquashfs -quiet -no-progress -offset "$offset" -dest "$3" "$work/$asset"
}

# install_release NAME PROGRAM: PROGRAM is the path in the release.
install_release() {
    fetch "$1" "$(uname -m)" ".tools/$1.release" || return
    ln -sf "$1.release/$2" ".tools/$1"
    runs "$1" || { echo "warning: the release of $1 does not run on this machine" >&2 && return 1; }
}

# install_with_cargo NAME VERSION RUSTFLAGS [OPTION...]
install_with_cargo() {
    name=$1 version=$2 flags=$3
    shift 3
    command -v cargo >/dev/null || { echo 'warning: cargo is missing: install Rust, https://rustup.rs' >&2 && return 1; }
    echo "Building $name-rs $version with cargo, which takes minutes"
    RUSTFLAGS=$flags cargo install --quiet "$name-rs" --version "=$version" --locked --root "$work" "$@" || return
    rm -f ".tools/$name"
    mv "$work/bin/$name-rs" ".tools/$name"
    runs "$name"
}

install_ecc() {
    install_release ecc AppRun || install_with_cargo ecc 0.3.3 ''
}

# Links ecli statically, for guests and `make dist`: -l:libNAME.a, because -lNAME prefers shared libraries.
install_ecli() {
    install_release ecli usr/bin/bin && return
    flags='-C target-feature=+crt-static'
    for library in $(pkg-config --static --libs-only-l libelf); do
        flags="$flags -C link-arg=-l:lib${library#-l}.a"
    done
    # The libelf.a of elfutils 0.192 (Debian 13) lacks two functions. They create and free a tree that stays empty here.
    if pkg-config --exists 'libelf = 0.192'; then
        for function in eu_search_tree_init eu_search_tree_fini; do
            flags="$flags -C link-arg=-Wl,--defsym=$function=getpid"
        done
    fi
    install_with_cargo ecli 0.2.9 "$flags" --no-default-features --features native --target "$(uname -m)-unknown-linux-gnu"
}

for tool in ecc ecli; do
    print_usable_path "$tool" || print_usable_path "$tool-rs" || runs "$tool" || "install_$tool" || {
        rm -rf ".tools/$tool" ".tools/$tool.release"
        echo "error: $tool is missing" >&2
        echo "hint: cargo install $tool-rs, or put an $tool on PATH that is not an AppImage" >&2
        exit 1
    }
done

[ "$arch" = "$(uname -m)" ] || [ -e ".tools/$arch/ecli" ] || {
    mkdir -p ".tools/$arch"
    fetch ecli "$arch" ".tools/$arch/ecli.release"
    ln -sf ecli.release/usr/bin/bin ".tools/$arch/ecli"
}
