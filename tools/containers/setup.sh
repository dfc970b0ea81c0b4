#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Prepares what tools/containers/docker needs, in the cache: a separate image store with the base images of the generated
# Dockerfiles, which debootstrap creates, and the settings with which this machine reaches its archives. Needs root.
#
#   tools/containers/setup.sh        prepare what does not exist yet
#   tools/containers/setup.sh path   print the directory
set -euo pipefail
cd "$(dirname "$0")"

# Each FROM in the templates that does not name a stage.
IMAGES=(docker.io/library/debian:trixie docker.io/library/debian:trixie-slim)
SUITE=trixie
# Above this size, images of older templates are removed, the oldest first.
STORE_GIB=24
AGES=(240h 48h 12h 3h 1h)

home=${XDG_CACHE_HOME:-$HOME/.cache}/ebpf-new/containers

stop() {
  printf 'containers: %s\n' "$*" >&2
  exit 1
}

write_configuration() {
  # A container inside a container cannot have the default limits of podman.
  cat >"$home/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=15000:15000"]
# The profile of podman before version 5 blocks bpf() even for processes with the capabilities.
seccomp_profile = "unconfined"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
END
  cat >"$home/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$home/storage"
runroot = "$home/run"
END
  # In the images of Debian, apt keeps no index of its lists.
  { apt-config dump --no-empty Acquire && echo 'Dir::Cache { pkgcache ""; srcpkgcache ""; };'; } >"$home/apt.conf"
}

# Creates a certificate authority that only the containers of the tests trust, next to those of this machine, and the
# certificate with which tools/containers/docker serves the releases of eunomia-bpf.
make_certificates() {
  mkdir -p "$home/authorities"
  [ -e "$home/key.pem" ] || (
    cd "$home"
    curve=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 3650)
    openssl req -x509 "${curve[@]}" -subj "/CN=ebpf-new tests" -keyout authority.key -out authority.crt
    openssl req -x509 "${curve[@]}" -subj "/CN=github.com" -addext subjectAltName=DNS:github.com \
      -addext basicConstraints=critical,CA:FALSE -CA authority.crt -CAkey authority.key -out certificate.pem -keyout key.part
    mv key.part key.pem
  ) 2>/dev/null || stop "openssl cannot create a certificate: version 3 or newer is required"
  cp "$home/authority.crt" "$home/authorities/ebpf-new-tests.crt"
  find /usr/local/share/ca-certificates -name '*.crt' -exec cp -L {} "$home/authorities" \;
}

import_images() {
  local image root
  for image in "${IMAGES[@]}"; do
    ! ./docker image exists "$image" || continue
    root=$(../debian-root.sh "$SUITE")
    tar --create --directory "$root" . | ./docker import - "$image" >/dev/null
  done
}

prune_images() {
  local age
  for age in "${AGES[@]}"; do
    [ "$(du --summarize --block-size=1G "$home/storage" | cut -f1)" -gt "$STORE_GIB" ] || break
    ./docker image prune --force --filter "until=$age" >/dev/null
  done
}

case "${1-} $#" in
  "path 1") echo "$home" ;;
  " 0")
    [ "$(id -u)" = 0 ] || exec sudo --preserve-env "$0"
    mkdir -p "$home"
    exec 8>"$home.lock"
    flock 8
    write_configuration
    make_certificates
    import_images
    prune_images
    ;;
  *) stop "usage: tools/containers/setup.sh [path]" ;;
esac
