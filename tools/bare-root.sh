#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs a command in a clone of this checkout (the committed files), in an empty Debian system: a root directory that
# debootstrap created, with git, make and python3. After the command, its files and all its processes are removed.
#
#   tools/bare-root.sh SUITE COMMAND...        for example: tools/bare-root.sh trixie make demo
#
# The root is created once per suite and stays in the cache; each run gets a copy. The copy also gets the settings with
# which this machine reaches its registries: mirror, proxies, certificates, and the settings of pip, cargo and go.
set -euo pipefail

DEVICES=(null zero full random urandom tty)

stop() {
  printf 'bare-root: %s\n' "$*" >&2
  exit 1
}

# Copies the settings with which this machine reaches its registries to the root.
copy_settings() {
  local root=$1
  apt-config dump --no-empty Acquire >"$root/etc/apt/apt.conf.d/99machine"
  cp -rL /etc/resolv.conf /etc/hosts "$root/etc/"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  [ ! -e /etc/apt/auth.conf.d ] || cp -rL /etc/apt/auth.conf.d "$root/etc/apt/"
  local file setting
  for file in /etc/pip.conf "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf"; do
    [ ! -e "$file" ] || cp -L "$file" "$root/etc/pip.conf"
  done
  mkdir -p "$root/root/.cargo" "$root/root/.config/go"
  for file in "${CARGO_HOME:-$HOME/.cargo}"/{config.toml,credentials.toml}; do
    [ ! -e "$file" ] || cp -L "$file" "$root/root/.cargo/"
  done
  if command -v go >/dev/null; then
    for setting in GOPROXY GONOPROXY GOSUMDB GONOSUMDB; do
      printf '%s=%s\n' "$setting" "$(go env "$setting")"
    done >"$root/root/.config/go/env"
  fi
}

# Runs in its own mount namespace, so its mounts are not visible outside and end with the command.
run_inside() {
  local root=$1 device settings=() name
  shift
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  mount --rbind --make-rslave /sys "$root/sys"
  mount -t tmpfs -o mode=755 dev "$root/dev"
  for device in "${DEVICES[@]}"; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  mkdir "$root/dev/pts" "$root/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
  mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
  for name in $(compgen -e); do
    case $name in
      PIP_FIND_LINKS) ;; # it can name a directory of this machine
      PIP_* | CARGO_REGISTRIES_* | CARGO_HTTP_* | SSL_CERT_* | REQUESTS_CA_BUNDLE | *_proxy | *_PROXY | CI) settings+=("$name=${!name}") ;;
    esac
  done
  # After a plain chroot, the kernel does not let processes create user namespaces.
  cd "$root"
  pivot_root . .
  umount --lazy .
  exec chroot . env -i HOME=/root TERM="${TERM:-dumb}" PATH=/usr/sbin:/usr/bin:/sbin:/bin "${settings[@]}" \
    sh -c 'cd /root/ebpf-new && exec "$@"' sh "$@"
}

if [ "${1-}" = --inside ]; then
  shift
  run_inside "$@"
fi

[ $# -ge 2 ] || stop "usage: tools/bare-root.sh SUITE COMMAND..."
[ "$(id -u)" = 0 ] || stop "only root can create and enter a root directory: sudo tools/bare-root.sh $*"
suite=$1
shift
cached_root=$("$(dirname "$0")/debian-root.sh" "$suite" git make python3 ca-certificates)

root=$(mktemp -d)
running=
status=0
# shellcheck disable=SC2317,SC2329 # called by the trap
clean_up() {
  if [ -n "$running" ]; then
    kill -TERM "$running" && wait "$running" || status=$?
  fi
  rm -rf --one-file-system "$root"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
cp -a "$cached_root/." "$root"
copy_settings "$root"
git clone --quiet "file://$(cd "$(dirname "$0")/.." && pwd)" "$root/root/ebpf-new"

# A background job of a script ignores Ctrl-C, and so do its children.
env --default-signal=INT,QUIT python3 "$(dirname "$0")/end_all.py" unshare --mount --propagation private \
  "$0" --inside "$root" "$@" &
running=$!
wait "$running" || status=$?
running=
exit "$status"
