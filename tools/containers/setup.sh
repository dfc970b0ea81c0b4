#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Prepares what tools/containers/docker works with, in the cache: a store of images of its own with the base images
# that the generated Dockerfiles start from, made by debootstrap, and the settings by which this machine reaches its
# archives. Needs root.
#
#   tools/containers/setup.sh        prepare it, as far as that was not done before
#   tools/containers/setup.sh path   print the directory
set -euo pipefail
cd "$(dirname "$0")"

# Each FROM of the templates that is not one of their own stages.
IMAGES=(docker.io/library/debian:trixie docker.io/library/debian:trixie-slim)
SUITE=trixie
# What of the store is to go when it is larger than this: layers of templates that have changed since, oldest first.
STORE_GIB=24
AGES=(240h 48h 12h 3h 1h)

home=${XDG_CACHE_HOME:-$HOME/.cache}/ebpf-new/containers

stop() {
  printf 'containers: %s\n' "$*" >&2
  exit 1
}

write_configuration() {
  # The limits of podman's own are more than a container may have in a container.
  cat >"$home/containers.conf" <<END
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=15000:15000"]
# podman's profile before version 5 keeps bpf() from those that may call it.
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
  # Images of Debian's have apt keep no index of its lists.
  { apt-config dump --no-empty Acquire && echo 'Dir::Cache { pkgcache ""; srcpkgcache ""; };'; } >"$home/apt.conf"
}

# An authority that only the containers of the tests trust, beside those that this machine does, and the certificate
# by which tools/containers/docker hands out eunomia-bpf's releases.
make_certificates() {
  mkdir -p "$home/authorities"
  [ -e "$home/key.pem" ] || (
    cd "$home"
    curve=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 3650)
    openssl req -x509 "${curve[@]}" -subj "/CN=ebpf-new tests" -keyout authority.key -out authority.crt
    openssl req -x509 "${curve[@]}" -subj "/CN=github.com" -addext subjectAltName=DNS:github.com \
      -addext basicConstraints=critical,CA:FALSE -CA authority.crt -CAkey authority.key -out certificate.pem -keyout key.part
    mv key.part key.pem
  ) 2>/dev/null || stop "openssl cannot make a certificate: version 3 or newer is needed"
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
