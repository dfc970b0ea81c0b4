#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds ecc-rs and ecli-rs, the tools of eunomia-bpf, from their published crates into the cache.
#
#   tools/eunomia/build.sh        build them, unless they were built before
#   tools/eunomia/build.sh path   print the directory of the two commands
#
# The build of ecc reads two git repositories: one with a bpftool and one with the types of the kernel. This script
# creates both, the first from the bpftool.c of this directory.
set -euo pipefail
cd "$(dirname "$0")"

SCRIPT=eunomia
# shellcheck source=tools/toolchain.sh
. ../toolchain.sh

ECC=0.3.3
ECLI=0.2.9
# The crate with which this ecli loads programs. It contains objects and their descriptions. They go into the cache
# too, because the tests compare the output of bpftool.c with them.
LOADER=0.2.1
# Crates in the Cargo.lock of ecli-rs need this version.
RUST=1.67
# The oldest kernel that the tests boot. A program that is compiled with its types also runs on newer kernels.
KERNEL=6.1

# Debian installs bpftool in a directory that is only on root's PATH.
PATH=$PATH:/usr/sbin
# The flags of a make that calls this script are not meant for the make that cargo calls.
unset MAKEFLAGS MFLAGS MAKELEVEL

# The release is part of it, because ecc is linked against shared libraries.
digest() {
  # shellcheck source=/dev/null
  { without_comments build.sh bpftool.c Makefile && uname -m && . /etc/os-release && echo "$ID ${VERSION_ID-}"; } |
    sha256sum | cut -c1-16
}

require_rust() {
  local version
  version=$(cargo --version 2>/dev/null | cut -d' ' -f2) || version=
  [ -n "$version" ] ||
    stop "cargo is missing: install Rust $RUST or newer with rustup, or with apt-get install cargo (Debian 13 or newer)"
  printf '%s\n' "$RUST" "$version" | sort --version-sort --check=silent ||
    stop "Rust $RUST or newer is required, but cargo on PATH is $version: run rustup update, or put a newer one first on PATH"
}

# install_crate CRATE VERSION [OPTION...]: installs the commands of the crate into result/bin.
install_crate() {
  local crate=$1 version=$2
  shift 2
  CARGO_TARGET_DIR=$work/target CARGO_PROFILE_RELEASE_STRIP=true \
    cargo install "$crate" --version "=$version" --locked --root "$work/result" --no-track "$@" >>"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    stop "cargo cannot build $crate $version; $log ends with the lines above"
  }
}

commit_all() {
  git -C "$1" init --quiet
  git -C "$1" add --force .
  git -C "$1" -c user.name=ebpf-new -c user.email= -c commit.gpgsign=false \
    commit --quiet --no-verify --message 'Input of the build of ecc'
}

# Writes vmlinux.h to the subdirectory that ecc reads for this architecture.
write_kernel_types() {
  local architecture kernel
  case $(uname -m) in
    x86_64) architecture=x86 ;;
    aarch64) architecture=arm64 ;;
    *) architecture=$(uname -m) ;;
  esac
  kernel=$(cd ../.. && python3 -c "from scaffold.vmtest.kernels import find_kernel; print(find_kernel('$KERNEL').image)")
  # Only the image of x86 contains an ELF file. On other architectures take the types of the running kernel.
  [ "${kernel##*/}" = vmlinux ] || kernel=/sys/kernel/btf/vmlinux
  mkdir -p "$1/$architecture"
  bpftool btf dump file "$kernel" format c >"$1/$architecture/vmlinux.h"
}

build_ecc() {
  say "Building ecc-rs $ECC from its crate: about 2 minutes, once"
  mkdir -p "$work"/bpftool/src/libbpf/include/bpf "$work"/result/libexec
  cp bpftool.c Makefile "$work"/bpftool/src
  cp "$(pkg-config --variable=includedir libbpf)"/bpf/*.h "$work"/bpftool/src/libbpf/include/bpf
  commit_all "$work"/bpftool
  write_kernel_types "$work"/vmlinux
  commit_all "$work"/vmlinux
  BPFTOOL_REPO=$work/bpftool BPFTOOL_HASH=HEAD VMLINUX_REPO=$work/vmlinux VMLINUX_REF=HEAD \
    install_crate ecc-rs "$ECC"
  make --silent -C "$work"/bpftool/src
  mv "$work"/bpftool/src/bpftool "$work"/result/libexec
}

# ecli is one static file, because the guests contain no libraries for it.
build_ecli() {
  local flags='-C target-feature=+crt-static' library name host assets
  say "Building ecli-rs $ECLI from its crate: about 10 minutes, once"
  host=$(rustc --version --verbose | sed -n 's/^host: //p')
  # A newer libelf needs zstd, which ecli's crates do not link. With -lzstd the linker could choose the shared library.
  for library in $(pkg-config --static --libs-only-l libelf); do flags+=" -C link-arg=-l:lib${library#-l}.a"; done
  # The libelf.a of elfutils 0.192 (Debian 13) lacks two functions. They set up and free a tree that stays empty here.
  if pkg-config --exists 'libelf = 0.192'; then
    for name in eu_search_tree_init eu_search_tree_fini; do flags+=" -C link-arg=-Wl,--defsym=$name=getpid"; done
  fi
  RUSTFLAGS=$flags install_crate ecli-rs "$ECLI" --no-default-features --features native --target "$host"
  "$work"/result/bin/ecli-rs run --help >/dev/null || stop "the new ecli-rs does not start, see $log"
  assets=$(find "${CARGO_HOME:-$HOME/.cargo}"/registry/src -path "*/bpf-loader-lib-$LOADER/assets" -print -quit)
  cp -r "$assets" "$work"/result/loader-assets
}

# build_once has set `work`, which the functions above read.
build() {
  require_rust
  build_ecc
  build_ecli
  rm "$log"
}

target=$TOOLCHAINS/eunomia-$(digest)
log=$target.log
case "${1-} $#" in
  "path 1") echo "$target/bin" ;;
  " 0") build_once "$target" build ;;
  *) stop "usage: tools/eunomia/build.sh [path]" ;;
esac
