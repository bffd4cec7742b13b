# The builder of a derivation that is built in a VM, run on the host by `sh -e`. It prepares the
# exchange folder, starts the VM, and ends as the builder in the VM did.
@coreutils@/bin/mkdir xchg
export > xchg/saved-env

attrs=${NIX_ATTRS_SH_FILE-}
# Nix 2.8 names the file by its place outside the sandbox.
[ -f "$attrs" ] || attrs=$NIX_BUILD_TOP/.attrs.sh
if [ -f "$attrs" ]; then
  @coreutils@/bin/cp "$attrs" "${attrs%.sh}.json" xchg
  source "$attrs"
fi
source $stdenv/setup

eval "$preVM"

if [ "$enableParallelBuilding" = 1 ]; then
  cpus=${NIX_BUILD_CORES:-0}
  [ "$cpus" != 0 ] || cpus=$(@coreutils@/bin/nproc)
  # As many as qemu knows.
  QEMU_OPTS+=" -smp cpus=$((cpus < 255 ? cpus : 255))"
fi

# A device alone says little: it may refuse, or hang.
accelerator=@accelerator@
if [ -z "$accelerator" ]; then
  accelerator=@emulated@
  if [ -w /dev/kvm ] && @coreutils@/bin/timeout 10 @tryKvm@ > tried-kvm 2>&1 < /dev/null; then
    accelerator=kvm
  fi
fi

# Most of those that are emulated have started already.
drive=${diskImage:+file=$diskImage}
keep=
incoming=
options=$(@coreutils@/bin/cat @kept@/options)
if [ "$accelerator" = @emulated@ ] && [ -n "$drive" ] && [ "$QEMU_OPTS" = "$options" ]; then
  keep=keep
  incoming="-incoming fd:3"
fi

# A file of its own, so that it can be run again in the folder that `nix-build -K` keeps.
@coreutils@/bin/cat > run-vm <<EOF
#!@shell@
while [ "$keep" ] && @coreutils@/bin/date '+now @%s' 2> /dev/null; do
  @coreutils@/bin/sleep 0.1
done | @qemuCommand@ -serial stdio $incoming 3< @kept@/state
EOF
@coreutils@/bin/chmod +x run-vm
source ./run-vm

if ! [ -e xchg/in-vm-exit ]; then
  echo "Virtual machine didn't produce an exit code."
  exit 1
fi

exitCode=$(@coreutils@/bin/cat xchg/in-vm-exit)
if [ "$exitCode" != 0 ]; then
  exit "$exitCode"
fi

eval "$postVM"
