# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2154
# One run in the guest. This script only acts and reports, in lines that begin with a mark which no program can guess.
# The host judges the report (verdict.py). run.py creates /run/settings.sh from the manifest. It defines $mark, $ready,
# $source, $steps, $value_pattern (a regular expression for the value that an event must contain; empty: the pid of the
# trigger) and the functions program, program_for PID and trigger, which all call exec.
# An emulated processor needs milliseconds to start a process, so the shell does itself what it can.
cd /app || exit 1
# shellcheck source=/dev/null
. /run/settings.sh
trace=/sys/kernel/tracing/trace
[ -e "$trace" ] || trace=/sys/kernel/debug/tracing/trace
case $source in
trace) log=$trace ;;
output) log=/run/output ;;
esac

# report KEY [VALUE]: print a line for the host. It uses echo, because printf loses the line if the end of a child
# process interrupts it.
report() {
    message="$mark $*"
    # shellcheck disable=SC3057 # busybox supports it
    echo "${message:0:4000}"
}

# find_lines VALUE: write up to five lines of the log with VALUE, a word or a number, to /run/found; fail if there are
# none.
find_lines() { grep -Em 5 -- "(^|[^0-9])$1([^0-9]|\$)" "$log" >/run/found; }

# report_lines KEY: report the lines in /run/found first, so that other lines cannot hide them, then the last lines of
# the log. The lines are cut, because the console needs minutes for very long ones.
report_lines() {
    awk -v prefix="$mark $1" '
        /^#/ || !NF { next }
        FILENAME == "/run/found" { found[$0]; print prefix, substr($0, 1, 4000); next }
        { last[count++ % 20] = $0 }
        END { for (i in last) if (!(last[i] in found)) print prefix, substr(last[i], 1, 4000) }' /run/found "$log"
}

# start_trigger: start a trigger that waits for release_trigger; its pid is in $pid. The shell opens the pipe for
# reading and writing, because opening one end waits for the other and can be interrupted.
start_trigger() {
    exec 5<>/run/trigger
    (
        read -r _ <&5
        trigger >/dev/null 2>&1 5>&-
    ) &
    pid=$!
}

release_trigger() {
    echo go >&5
    exec 5>&-
    wait "$pid"
}

# run_trigger: run the trigger at once; its pid is in $other_pid.
run_trigger() {
    (trigger >/dev/null 2>&1) &
    other_pid=$!
    wait "$other_pid"
}

# wait_until_ready: report what the program prints until it is ready; fail if it exits before.
wait_until_ready() {
    while IFS= read -r line; do
        report output "$line"
        case $line in *"$ready"*) return ;; esac
    done
    return 1
}

# report_count KEY: report the number of loaded BPF programs; it is in $loaded.
report_count() {
    bpf_count
    loaded=$?
    report "$1" "$loaded"
}

# report_uptime KEY: report the uptime of the guest in seconds.
report_uptime() {
    read -r seconds _ </proc/uptime
    report "$1" "$seconds"
}

# keep_output: write the output of the program to a file, and drop what is more than can be searched quickly.
keep_output() {
    ulimit -f 2048 # blocks of 512 bytes
    cat <&4 >/run/output || cat <&4 >/dev/null
}

# observe STEP: start the program, run the trigger, and stop the program with SIGINT. Each step has its own pipe: a
# process that still reads the pipe of the step before would take the first line of the program.
observe() {
    report step "$1"
    start_trigger
    echo >"$trace"
    exec 3<>"/run/$1"
    report_uptime started
    if [ "$1" = all ]; then
        program >&3 2>&1 3>&- 5>&- &
    else
        program_for "$pid" >&3 2>&1 3>&- 5>&- &
    fi
    program_pid=$!
    exec 4<"/run/$1" 3>&-
    if ! wait_until_ready <&4; then
        wait "$program_pid"
        report early $?
        return 1
    fi
    report_uptime ready
    keep_output 5>&- &
    exec 4<&-
    report_count attached
    if [ "$1" != all ]; then
        run_trigger
        report other "$other_pid"
    fi
    release_trigger
    report trigger "$pid"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        find_lines "${value_pattern:-$pid}" && break
        kill -0 "$program_pid" || break
        sleep 0.2
    done
    report_lines event
    report stopping
    kill -INT "$program_pid" || report gone
    wait "$program_pid"
    report ended $?
    [ -s /run/output ] && tail -c 4000 /run/output | while IFS= read -r line; do report output "$line"; done
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        report_count left
        [ "$loaded" -le "$before" ] && break
        sleep 0.1
    done
}

# check_after_exit: run the trigger once more, and report the events that still come.
check_after_exit() {
    report step after
    echo >"$trace"
    : >/run/output
    : >/run/found
    run_trigger
    report_lines late
}

run_steps() {
    for step in $steps; do
        observe "$step" || return
    done
    check_after_exit
}

report begin
set -m
report_count before
before=$loaded
run_steps
report 'done'
report bye
# The host ends the guest when it has read the last line. If the guest powered off instead, the kernel would print to
# the console in the middle of lines that are not sent yet.
read -r _
