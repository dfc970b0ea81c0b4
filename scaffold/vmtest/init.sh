#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The guest's first process: it makes the guest ready, and hands over to wait.sh.
/bin/busybox --install -s /bin 2>/dev/null
export PATH=/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tracefs trace /sys/kernel/tracing || mount -t debugfs debug /sys/kernel/debug
mount -t bpf bpf /sys/fs/bpf
tracing=/sys/kernel/tracing
[ -e "$tracing/trace" ] || tracing=/sys/kernel/debug/tracing
# The kernel turns this on itself when a program that calls bpf_printk is loaded, but since Linux commit 4580f4e0ebdf a
# worker of it does: what the program prints before the worker's turn is lost.
echo 1 >"$tracing/events/bpf_trace/bpf_trace_printk/enable"
# A kernel begins with room for 60 lines or so. The trigger's must still be there when they are looked for.
echo 256 >"$tracing/buffer_size_kb"
mkdir -p /app /dev/shm /root /run /tmp

for module in /modules/*.ko; do
    [ -e "$module" ] || continue
    insmod "$module" 2>/complaint && continue
    case $module in *.required.ko) sed 's/^/vmtest: /' /complaint ;; esac
done
ifconfig lo up
dmesg -n 1
# A controlling terminal gives the shell job control, without which it would start the program with
# SIGINT ignored.
exec setsid cttyhack sh /wait.sh
