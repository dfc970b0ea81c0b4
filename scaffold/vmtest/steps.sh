# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2154
# What happens in the guest in one run. It only acts and reports, line by line behind a mark that no
# program can guess; the host judges (verdict.py). /run/settings.sh, made from the manifest, defines
# $mark, $ready, $source, $steps and $sought (a regular expression for the word that an event must hold; none: the
# trigger's pid), and the functions program, program_for PID and trigger, which all exec.
# An emulated processor needs milliseconds to start a process: the shell does what it can itself.
cd /app || exit 1
# shellcheck source=/dev/null
. /run/settings.sh
trace=/sys/kernel/tracing/trace
[ -e "$trace" ] || trace=/sys/kernel/debug/tracing/trace
case $source in
trace) log=$trace ;;
output) log=/run/output ;;
esac

# Written by echo, which goes on when the end of a child interrupts it; printf would lose the line.
say() {
    said="$mark $*"
    # shellcheck disable=SC3057 # busybox can do that
    echo "${said:0:4000}"
}

# find WORD: put those lines of the log that hold it, a word or number, into /run/own; fails when there is none.
find() { grep -Em 5 -- "(^|[^0-9])$1([^0-9]|\$)" "$log" >/run/own; }

# lines KEY: print what was found, so that a flood of others does not hide it, and the last lines of the log.
# No line is so long that it would take the console minutes.
lines() {
    awk -v head="$mark $1" '
        /^#/ || !NF { next }
        FILENAME == "/run/own" { own[$0]; print head, substr($0, 1, 4000); next }
        { last[count++ % 20] = $0 }
        END { for (i in last) if (!(last[i] in own)) print head, substr(last[i], 1, 4000) }' /run/own "$log"
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

# keep_output: write what the program prints to a file, and drop what is more than can be searched quickly.
keep_output() {
    ulimit -f 2048 # blocks of 512 bytes
    cat <&4 >/run/output || cat <&4 >/dev/null
}

# observe STEP: start the program, trigger it, and end it with SIGINT. Each step has a pipe of its own: who still reads
# that of the step before would take the program's first line.
observe() {
    say step "$1"
    hold
    echo >"$trace"
    exec 3<>"/run/$1"
    clock started
    if [ "$1" = all ]; then
        program >&3 2>&1 3>&- 5>&- &
    else
        program_for "$pid" >&3 2>&1 3>&- 5>&- &
    fi
    loader=$!
    exec 4<"/run/$1" 3>&-
    if ! until_ready <&4; then
        wait "$loader"
        say early $?
        return 1
    fi
    clock ready
    keep_output 5>&- &
    exec 4<&-
    count attached
    if [ "$1" != all ]; then
        fire
        say other "$fired"
    fi
    release
    say trigger "$pid"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        find "${sought:-$pid}" && break
        kill -0 "$loader" || break
        sleep 0.2
    done
    lines event
    say stopping
    kill -INT "$loader" || say gone
    wait "$loader"
    say ended $?
    [ -s /run/output ] && tail -c 4000 /run/output | while IFS= read -r line; do say output "$line"; done
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
    : >/run/output
    : >/run/own
    fire
    lines late
}

run() {
    for step in $steps; do
        observe "$step" || return
    done
    late
}

say begin
set -m
count before
before=$loaded
run
say 'done'
say bye
# The host ends the guest as soon as it has read that. To power off, the kernel would write on the console at once, into
# the middle of lines that still wait to be sent.
read -r _
