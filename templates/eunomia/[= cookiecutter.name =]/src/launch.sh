[% from "quote.j2" import shell %]
#!/bin/sh
# SPDX-License-Identifier: [= cookiecutter.license =]
# Runs the package with ecli, reports common errors in short, and ends ecli on SIGTERM too.
set -u
name=[= cookiecutter.name =]
[% if cookiecutter.description %]
# The description may contain any character.
# shellcheck disable=SC1003,SC1112,SC2016
description=[= shell(cookiecutter.description) =]
[% endif %]

usage() {
    printf '%s\n' "Usage: $name [--pid N]" \
[% if cookiecutter.description %]
        "$description" \
[% endif %]
        '' \
        '  --pid N  follow process N only (0, the default: every process)' \
        '  --help   show this help'
}

usage_error() {
    printf 'error: %s\n' "$1" >&2
    usage >&2
    exit 2
}

fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

is_pid() {
    case $1 in
        *[!0-9]* | '' | ???????????*) return 1 ;;
    esac
    [ "$1" -le 2147483647 ]
}

# has_capability NUMBER: the number is that of <linux/capability.h>.
has_capability() {
    capabilities=0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
    [ $((capabilities >> $1 & 1)) = 1 ]
}

# ecli ends only on SIGINT, and ignores it while it starts: repeat it until ecli has ended.
stop() {
    while kill -INT "${!-}" 2>/dev/null; do sleep 0.1; done
    exit 0
}

pid=0
while [ $# -gt 0 ]; do
    case $1 in
        --help)
            usage
            exit
            ;;
        --pid=*) pid=${1#*=} ;;
        --pid)
            [ $# -gt 1 ] || usage_error '--pid: missing process ID'
            pid=$2
            shift
            ;;
        *) usage_error "unexpected argument '$1'" ;;
    esac
    shift
done
is_pid "$pid" || usage_error "invalid --pid '$pid': expected a process ID, or 0 for every process"

sys_admin=21 perfmon=38 bpf=39
has_capability $sys_admin || { has_capability $perfmon && has_capability $bpf; } ||
    fail 'not permitted to load BPF programs' 'run it as root, for example with sudo'
[ -e /sys/kernel/btf/vmlinux ] ||
    fail 'this kernel has no BTF type information' 'boot a kernel that is built with CONFIG_DEBUG_INFO_BTF'
[ -e /sys/kernel/tracing/events ] || [ -e /sys/kernel/debug/tracing/events ] ||
    fail 'tracepoints not found' 'sudo mount -t tracefs tracefs /sys/kernel/tracing'

cd "$(dirname "$(readlink -f "$0")")" || exit
for file in ecli package.json; do
    [ -e "$file" ] || fail "$file not found in $PWD" "keep $name, ecli and package.json in one directory"
done
[ "$pid" = 0 ] || set -- -- --pid_filter "$pid"
# Hide what ecli logs before the program runs.
export RUST_LOG="${RUST_LOG-info,faerie=warn,bpf_loader_lib::skeleton::preload=warn}"
trap stop HUP INT TERM
./ecli run package.json "$@" &
wait "$!"
