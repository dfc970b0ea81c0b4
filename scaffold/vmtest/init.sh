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
