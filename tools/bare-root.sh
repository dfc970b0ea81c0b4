#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Runs a command on a clone of this checkout (what is committed) in a machine that has next to nothing: a Debian root
# made by debootstrap with git, make and python3. What the command leaves behind, processes too, goes with it.
#
#   tools/bare-root.sh SUITE COMMAND...        for example: tools/bare-root.sh trixie make demo
#
# The root is made once per suite and kept in the cache; every run gets a copy. The mirror, proxies, certificates and
# the settings of pip, cargo and go by which this machine reaches its registries are handed over for the run only.
set -euo pipefail

DEVICES=(null zero full random urandom tty)

stop() {
  printf 'bare-root: %s\n' "$*" >&2
  exit 1
}

# Hands the settings of this machine, by which it reaches its archives, to the root.
hand_over_settings() {
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

# In a mount namespace of its own: what is mounted here is never seen outside, and ends with the command.
inside() {
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
      PIP_FIND_LINKS) ;; # may name a directory of this machine
      PIP_* | CARGO_REGISTRIES_* | CARGO_HTTP_* | SSL_CERT_* | REQUESTS_CA_BUNDLE | *_proxy | *_PROXY | CI) settings+=("$name=${!name}") ;;
    esac
  done
  # A mere chroot would not let its processes make user namespaces, as any machine does.
  cd "$root"
  pivot_root . .
  umount --lazy .
  exec chroot . env -i HOME=/root TERM="${TERM:-dumb}" PATH=/usr/sbin:/usr/bin:/sbin:/bin "${settings[@]}" \
    sh -c 'cd /root/ebpf-new && exec "$@"' sh "$@"
}

if [ "${1-}" = --inside ]; then
  shift
  inside "$@"
fi

[ $# -ge 2 ] || stop "usage: tools/bare-root.sh SUITE COMMAND..."
[ "$(id -u)" = 0 ] || stop "a root file system can only be made and entered by root: sudo tools/bare-root.sh $*"
suite=$1
shift
bare=$("$(dirname "$0")/debian-root.sh" "$suite" git make python3 ca-certificates)

root=$(mktemp -d)
running=
status=0
# shellcheck disable=SC2317,SC2329 # called by the trap
leave() {
  if [ -n "$running" ]; then
    kill -TERM "$running" && wait "$running" || status=$?
  fi
  rm -rf --one-file-system "$root"
}
trap leave EXIT
trap 'exit 130' INT TERM
cp -a "$bare/." "$root"
hand_over_settings "$root"
git clone --quiet "file://$(cd "$(dirname "$0")/.." && pwd)" "$root/root/ebpf-new"

# A script's background jobs ignore Ctrl-C, and so would all that runs in there.
env --default-signal=INT,QUIT python3 "$(dirname "$0")/end_all.py" unshare --mount --propagation private \
  "$0" --inside "$root" "$@" &
running=$!
wait "$running" || status=$?
running=
exit "$status"
