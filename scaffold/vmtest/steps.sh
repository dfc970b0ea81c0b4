# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2154
# What happens in the guest in one run. It only acts and reports, line by line behind a mark that no
# program can guess; the host judges (verdict.py). /run/settings.sh, made from the manifest, defines
# $mark, $ready and $source, and the functions program, program_for PID and trigger, which all exec.
# An emulated processor needs milliseconds to start a process: the shell does what it can itself.
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

# lines NAME PID: print the lines of the log, those of this process first, so that a flood of others
# does not hide them.
lines() {
    awk -v head="$mark $1" -v pid="$2" '
        /^#/ || !NF { next }
        $0 ~ "(^|[^0-9])" pid "([^0-9]|$)" { if (own++ < 5) print head, $0; next }
        { others[count++ % 20] = $0 }
        END { for (i in others) print head, others[i] }' "$log"
}

# hold: start a trigger that waits for `release`, with its pid in $pid. A pipe that the shell has opened
# for both ways is there from the start: opening one end of it could be interrupted.
hold() {
    exec 5<>/run/trigger
    (
        read -r _ <&5
        trigger >/dev/null 2>&1 5>&-
    ) &
    pid=$!
}

release() {
    echo go >&5
    exec 5>&-
    wait "$pid"
}

# fire: let a trigger of its own act, with its pid in $fired.
fire() {
    (trigger >/dev/null 2>&1) &
    fired=$!
    wait "$fired"
}

# until_ready: pass on what the program prints until it is ready; fails when it ends before.
until_ready() {
    while IFS= read -r line; do
        say output "$line"
        case $line in *"$ready"*) return ;; esac
    done
    return 1
}

# count KEY: say how many BPF programs are loaded.
count() {
    bpf_count
    loaded=$?
    say "$1" "$loaded"
}

# clock KEY: say how long the guest has been up, in seconds.
clock() {
    read -r seconds _ </proc/uptime
    say "$1" "$seconds"
}

# observe STEP: start the program, trigger it, and end it with SIGINT.
observe() {
    say step "$1"
    hold
    echo >"$trace"
    exec 3<>/run/program
    clock started
    if [ "$1" = all ]; then
        program >&3 2>&1 3>&- 5>&- &
    else
        program_for "$pid" >&3 2>&1 3>&- 5>&- &
    fi
    loader=$!
    exec 4</run/program 3>&-
    if ! until_ready <&4; then
        wait "$loader"
        say early $?
        return 1
    fi
    clock ready
    cat <&4 >output 5>&- &
    exec 4<&-
    count attached
    if [ "$1" != all ]; then
        fire
        say other "$fired"
    fi
    release
    say trigger "$pid"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        grep -qw -- "$pid" "$log" && break
        kill -0 "$loader" || break
        sleep 0.2
    done
    lines event "$pid"
    say stopping
    kill -INT "$loader" || say gone
    wait "$loader"
    say ended $?
    [ -s output ] && tail -n 20 output | while IFS= read -r line; do say output "$line"; done
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        count left
        [ "$loaded" -le "$before" ] && break
        sleep 0.1
    done
}

# late: does an event still come when the program has ended?
late() {
    say step after
    echo >"$trace"
    : >output
    fire
    lines late "$fired"
}

say begin
set -m
count before
before=$loaded
observe all && observe filtered && late
say 'done'
say bye
poweroff -f
