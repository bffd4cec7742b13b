#!@shell@
# Runs the builder of the derivation, inside the VM. This shell is process 1 there: where it ends
# early, the kernel panics, and the host finds no exit code.
set -euo pipefail

source /tmp/xchg/saved-env
if [ -f /tmp/xchg/.attrs.sh ]; then
  source /tmp/xchg/.attrs.sh
  export NIX_ATTRS_JSON_FILE=/tmp/xchg/.attrs.json
  export NIX_ATTRS_SH_FILE=/tmp/xchg/.attrs.sh
fi

export NIX_STORE=@storeDir@
export NIX_BUILD_TOP=/tmp
export TMPDIR=/tmp
export PATH=/empty
cd "$NIX_BUILD_TOP"

source "$stdenv/setup"

@coreutils@/bin/mkdir -p /bin
@coreutils@/bin/ln -s @shell@ /bin/sh

# The kernel calls this when it misses a module, for a file system for example.
printf '%s\n' '#!@shell@' 'exec @kmod@/bin/modprobe --dirname @linux@ "$@"' > /run/modprobe
@coreutils@/bin/chmod 755 /run/modprobe
echo /run/modprobe > /proc/sys/kernel/modprobe

exec < /dev/null
declare -a argsArray=()
concatTo argsArray origArgs
"$origBuilder" "${argsArray[@]}"
echo $? > /tmp/xchg/in-vm-exit

# This writes out what the store's share still has in memory.
@busybox@/bin/mount -o remount,ro dummy /
@busybox@/bin/poweroff -f
