[% from "quote.j2" import shell %]
#!/bin/sh
# SPDX-License-Identifier: [= cookiecutter.license =]
# Checks what ecli would report at length, has it run the package, and ends it when it is told to.
set -u
name=[= cookiecutter.name =]
[% if cookiecutter.description %]
# Any character may stand in it.
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

wrong_usage() {
    printf '%s: %s\n' "$name" "$1" >&2
    usage >&2
    exit 2
}

fail() {
    printf '%s: %s\n' "$name" "$1" >&2
    exit 1
}

check_pid() {
    case $1 in
        *[!0-9]* | '' | ???????????*) return 1 ;;
    esac
    [ "$1" -le 2147483647 ]
}

# may CAPABILITY: tell whether this process has it, by its number in <linux/capability.h>.
may() {
    capabilities=0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
    [ $((capabilities >> $1 & 1)) = 1 ]
}

# ecli knows SIGINT alone, and not before it is set up: it is asked until it is gone.
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
            [ $# -gt 1 ] || wrong_usage '--pid needs a process ID'
            pid=$2
            shift
            ;;
        *) wrong_usage "unexpected argument '$1'" ;;
    esac
    shift
done
check_pid "$pid" || wrong_usage "--pid takes a process ID, or 0 for every process, not '$pid'"

sys_admin=21 perfmon=38 bpf=39
may $sys_admin || { may $perfmon && may $bpf; } ||
    fail 'not permitted to load BPF programs: run it as root, for example with sudo'
[ -e /sys/kernel/btf/vmlinux ] ||
    fail 'this kernel does not describe its types: boot one that is built with CONFIG_DEBUG_INFO_BTF'
[ -e /sys/kernel/tracing/events ] || [ -e /sys/kernel/debug/tracing/events ] ||
    fail 'tracepoints not found: mount them by sudo mount -t tracefs tracefs /sys/kernel/tracing'

cd "$(dirname "$(readlink -f "$0")")" || exit
for file in ecli package.json; do
    [ -e "$file" ] || fail "$file is missing: it must stand beside this script, in $PWD"
done
[ "$pid" = 0 ] || set -- -- --pid_filter "$pid"
# Of what ecli logs the steps before the program runs are left out.
export RUST_LOG="${RUST_LOG-info,faerie=warn,bpf_loader_lib::skeleton::preload=warn}"
trap stop HUP INT TERM
./ecli run package.json "$@" &
wait "$!"
