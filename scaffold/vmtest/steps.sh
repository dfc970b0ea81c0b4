# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# What happens in the guest in one run. It only acts and reports, line by line behind a mark that no
# program can guess; the host judges (verdict.py). /run/settings.sh, made from the manifest, defines
# $mark, $ready and $source, and the functions program, program_for PID and trigger, which all exec.
cd /app || exit 1
# shellcheck source=/dev/null
. /run/settings.sh
trace=/sys/kernel/tracing/trace
[ -e "$trace" ] || trace=/sys/kernel/debug/tracing/trace
case $source in
trace) log=$trace ;;
output) log=output ;;
esac

say() { echo "$mark $*"; }

# dump NAME: the lines on standard input, one by one.
dump() {
    while IFS= read -r line; do
        echo "$mark $1 $line"
    done
}

# hold NAME: start a trigger that waits for `release NAME`, with its pid in $held.
hold() {
    mkfifo "/run/$1"
    (
        read -r _ <"/run/$1"
        trigger >/dev/null 2>&1
    ) &
    held=$!
}
release() { echo go >"/run/$1"; }

# seen PID: wait a while for a line of this process.
seen() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        grep -qw -- "$1" "$log" && return
        sleep 0.1
    done
}

# events PID: the lines of this process first, so that a flood of others does not hide them.
events() {
    grep -w -- "$1" "$log" | head -n 5 | dump event
    grep -vw -e "$1" -e '^#' "$log" | tail -n 20 | dump event
}

# unloaded COUNT: wait a while until no more than COUNT BPF programs are loaded, and say how many are.
unloaded() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        bpf_count
        left=$?
        [ "$left" -le "$1" ] && break
        sleep 0.1
    done
    say left "$left"
}

# observe STEP: start the program, trigger it, and end it with SIGINT.
observe() {
    say step "$1"
    hold "$1"
    pid=$held
    bpf_count
    before=$?
    say loaded "$before"
    echo >"$trace"
    : >output
    if [ "$1" = all ]; then
        program >output 2>&1 &
    else
        program_for "$pid" >output 2>&1 &
    fi
    loader=$!
    until grep -qF -- "$ready" output; do
        if ! kill -0 "$loader"; then
            wait "$loader"
            say early $?
            tail -n 40 output | dump output
            return 1
        fi
        sleep 0.02
    done
    bpf_count
    say attached $?
    if [ "$1" != all ]; then
        hold other
        release other
        wait "$held"
        say other "$held"
    fi
    release "$1"
    wait "$pid"
    say trigger "$pid"
    seen "$pid"
    events "$pid"
    say stopping
    kill -INT "$loader" || say gone
    wait "$loader"
    say ended $?
    tail -n 20 output | dump output
    unloaded "$before"
}

# late: does an event still come when the program has ended?
late() {
    say step after
    echo >"$trace"
    : >output
    hold after
    release after
    wait "$held"
    grep -v '^#' "$log" | dump late
}

say begin
set -m
observe all && observe filtered && late
say done
say bye
poweroff -f
