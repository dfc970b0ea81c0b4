# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# Print that the guest is ready and wait for a line: the snapshot is saved here. After the snapshot is restored, unpack
# the payload and run its steps.sh.
stty -echo -onlcr
mkfifo /run/trigger /run/all /run/filtered
drive=none
[ -b /dev/vda ] && drive=vda
echo "vmtest: ready $(uname -r) $drive"
payload=/payload
if [ ! -e "$payload" ]; then
    payload=/dev/vda
    read -r _
fi
cpio -idu <"$payload" 2>/run/cpio
# shellcheck source=/dev/null
. /run/steps.sh 2>/dev/null
