#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Builds ecc-rs and ecli-rs, the tools of eunomia-bpf, from their published crates into the cache. A second run
# finds them there and takes a moment.
#
#   tools/eunomia/build.sh        build them, unless that was done before
#   tools/eunomia/build.sh path   print the directory that holds the two commands
#
# ecc's own build takes in two git repositories: a bpftool, which here is the one of this directory, and the
# kernel's types. Both are made on this machine.
set -euo pipefail
cd "$(dirname "$0")"

ECC=0.3.3
ECLI=0.2.9
# The crate by which this ecli loads programs. Objects and their descriptions, which come with it, go into the
# cache too: the tests compare with them what the bpftool of this directory says.
LOADER=0.2.1
# Cargo.lock of ecli-rs names crates that need this one.
RUST=1.67
# The oldest kernel that the tests boot. What compiles with its types runs on newer ones too.
KERNEL=6.1

# Debian keeps bpftool where only root's PATH leads. A make that calls this has flags that are not for cargo's.
PATH=$PATH:/usr/sbin
unset MAKEFLAGS MFLAGS MAKELEVEL

say() { printf '== %s\n' "$*"; }
stop() {
  printf 'eunomia: %s\n' "$*" >&2
  exit 1
}

# ecc is linked against shared libraries of this release.
digest() {
  # shellcheck source=/dev/null
  { cat build.sh bpftool.c Makefile && uname -m && . /etc/os-release && echo "$ID ${VERSION_ID-}"; } |
    sha256sum | cut -c1-16
}

require_rust() {
  local version
  version=$(cargo --version 2>/dev/null | cut -d' ' -f2) || version=
  [ -n "$version" ] ||
    stop "cargo is missing: install Rust $RUST or newer, by rustup or by apt-get install cargo (Debian 13 or newer)"
  printf '%s\n' "$RUST" "$version" | sort --version-sort --check=silent ||
    stop "Rust $RUST or newer is needed, cargo on PATH is $version: type rustup update, or put a newer one first on PATH"
}

# Runs cargo with its output in the log.
install_crate() {
  local crate=$1 version=$2
  shift 2
  CARGO_TARGET_DIR=$work/target CARGO_PROFILE_RELEASE_STRIP=true \
    cargo install "$crate" --version "=$version" --locked --root "$work" --no-track "$@" >>"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    stop "cargo cannot build $crate $version; above is the end of $log"
  }
}

as_repository() {
  git -C "$1" init --quiet
  git -C "$1" add --force .
  git -C "$1" -c user.name=ebpf-new -c user.email= -c commit.gpgsign=false \
    commit --quiet --no-verify --message 'What the build of ecc takes in'
}

# The directory that ecc calls the architecture's, with its vmlinux.h.
write_kernel_types() {
  local architecture kernel
  case $(uname -m) in
    x86_64) architecture=x86 ;;
    aarch64) architecture=arm64 ;;
    *) architecture=$(uname -m) ;;
  esac
  kernel=$(cd ../.. && python3 -c "from scaffold.vmtest.kernels import find_kernel; print(find_kernel('$KERNEL').image)")
  # Elsewhere than on x86 there is no ELF file inside the image: take the types of the kernel that runs here.
  [ "${kernel##*/}" = vmlinux ] || kernel=/sys/kernel/btf/vmlinux
  mkdir -p "$1/$architecture"
  bpftool btf dump file "$kernel" format c >"$1/$architecture/vmlinux.h"
}

build_ecc() {
  say "Building ecc-rs $ECC from its crate: about 2 minutes, once"
  mkdir -p "$work"/bpftool/src/libbpf/include/bpf "$work"/libexec
  cp bpftool.c Makefile "$work"/bpftool/src
  cp "$(pkg-config --variable=includedir libbpf)"/bpf/*.h "$work"/bpftool/src/libbpf/include/bpf
  as_repository "$work"/bpftool
  write_kernel_types "$work"/vmlinux
  as_repository "$work"/vmlinux
  BPFTOOL_REPO=$work/bpftool BPFTOOL_HASH=HEAD VMLINUX_REPO=$work/vmlinux VMLINUX_REF=HEAD \
    install_crate ecc-rs "$ECC"
  make --silent -C "$work"/bpftool/src
  mv "$work"/bpftool/src/bpftool "$work"/libexec
}

# One static file: it is what goes into a guest.
build_ecli() {
  local flags='-C target-feature=+crt-static' library name host assets
  say "Building ecli-rs $ECLI from its crate: about 10 minutes, once"
  host=$(rustc --version --verbose | sed -n 's/^host: //p')
  # A newer libelf needs zstd, of which ecli's crates do not know. Named as -lzstd it could be the shared one.
  for library in $(pkg-config --static --libs-only-l libelf); do flags+=" -C link-arg=-l:lib${library#-l}.a"; done
  # The libelf.a of elfutils 0.192 (Debian 13) lacks two functions, which set up and free what stays empty here.
  if pkg-config --exists 'libelf = 0.192'; then
    for name in eu_search_tree_init eu_search_tree_fini; do flags+=" -C link-arg=-Wl,--defsym=$name=getpid"; done
  fi
  RUSTFLAGS=$flags install_crate ecli-rs "$ECLI" --no-default-features --features native --target "$host"
  "$work"/bin/ecli-rs run --help >/dev/null || stop "the ecli-rs that cargo has built does not run, see $log"
  assets=$(find "${CARGO_HOME:-$HOME/.cargo}"/registry/src -path "*/bpf-loader-lib-$LOADER/assets" -print -quit)
  cp -r "$assets" "$work"/loader-assets
}

build() {
  require_rust
  rm -rf "$work"
  # shellcheck disable=SC2064 # the directory of this call
  trap "rm -rf '$work'" EXIT
  mkdir -p "$work"
  build_ecc
  build_ecli
  rm -rf "$work"/bpftool "$work"/vmlinux "$work"/target "$work"/.crates* "$log"
  mv -T "$work" "$target"
}

toolchains=${XDG_CACHE_HOME:-$HOME/.cache}/ebpf-new/toolchains
target=$toolchains/eunomia-$(digest)
work=$target.part
log=$target.log

case "${1-} $#" in
  "path 1") echo "$target/bin" ;;
  " 0")
    [ ! -d "$target" ] || exit 0
    mkdir -p "$toolchains"
    exec 9>"$toolchains"/eunomia.lock
    flock --nonblock 9 || { say "Waiting for another build of ecc-rs and ecli-rs" && flock 9; }
    [ -d "$target" ] || build
    ;;
  *) stop "usage: tools/eunomia/build.sh [path]" ;;
esac
