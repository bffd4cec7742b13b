#!/bin/busybox sh
# Init of the VM: mounts what the build sees, and goes over to stage 2, which the kernel's command
# line names as `command=`.
set -e
export PATH=/bin

# With /proc this busybox finds itself and so its applets.
busybox mkdir -p /proc /dev /fs
busybox mount -t proc proc /proc

# In order: what a module needs comes before it.
load() {
  while read -r module; do
    insmod "$module"
  done < "/modules/$1"
}
load first

mount -t devtmpfs dev /dev

# kept.nix keeps the state that the VM has here. Those that go on from it are told the time.
case $(cat /proc/cmdline) in
  *" keep")
    stty -echo < /dev/console
    echo started > /dev/console
    # What comes while the state is read may lack its beginning.
    until [ "$word" = now ]; do
      read -r word now < /dev/console
    done
    date -s "$now" > /dev/null
    ;;
esac

load disk
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr

# A build that needs too much memory ends the VM, and not some process in it.
echo 2 > /proc/sys/vm/panic_on_oom

for word in $(cat /proc/cmdline); do
  case $word in command=*) command=${word#command=} ;; esac
done

ifconfig lo up

mount -t tmpfs -o mode=755 root /fs
cd /fs
mkdir -p dev etc proc run sys tmp var ".@storeDir@"
mount -o move /dev dev
mkdir dev/pts dev/shm
mount -t devpts pts dev/pts
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t tmpfs -o mode=1777 tmp tmp
mount -t tmpfs -o mode=755 run run
ln -s /run var/run

# Nobody else writes to the store of a sandbox, so it may be kept in memory; what the build writes
# reaches the host when the VM ends. The exchange folder is for both sides at once.
share=trans=virtio,version=9p2000.L,msize=131072
mount -t 9p -o "$share,cache=loose" store ".@storeDir@"
mkdir tmp/xchg
mount -t 9p -o "$share" xchg tmp/xchg

mount -t proc proc proc
mount -t sysfs sys sys

ln -s /proc/mounts etc/mtab
echo '127.0.0.1 localhost' > etc/hosts
echo 'root:x:0:0:System administrator:/root:/bin/sh' > etc/passwd

exec switch_root /fs "$command"
