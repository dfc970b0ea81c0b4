#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The first process of the guest: it mounts the file systems, loads the modules and starts wait.sh.
/bin/busybox --install -s /bin 2>/dev/null
export PATH=/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tracefs trace /sys/kernel/tracing || mount -t debugfs debug /sys/kernel/debug
mount -t bpf bpf /sys/fs/bpf
tracing=/sys/kernel/tracing
[ -e "$tracing/trace" ] || tracing=/sys/kernel/debug/tracing
# The kernel enables this event when it loads a program that calls bpf_printk. Since Linux commit 4580f4e0ebdf a worker
# does that, and what the program prints before the worker runs is lost.
echo 1 >"$tracing/events/bpf_trace/bpf_trace_printk/enable"
# The default buffer of about 60 lines is too small: other processes could push out the event of the trigger.
echo 256 >"$tracing/buffer_size_kb"
mkdir -p /app /dev/shm /root /run /tmp

for module in /modules/*.ko; do
    [ -e "$module" ] || continue
    insmod "$module" 2>/module-error && continue
    case $module in *.required.ko) sed 's/^/vmtest: /' /module-error ;; esac
done
ifconfig lo up
dmesg -n 1
# With a controlling terminal the shell has job control. Without job control it would start the program with SIGINT
# ignored.
exec setsid cttyhack sh /wait.sh
