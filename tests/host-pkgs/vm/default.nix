# `vmTools`: derivations whose builder runs as root in a throw-away virtual machine. `runInLinuxVM`
# keeps nixpkgs' contract in both its shapes; `config.vmStructuredAttrs` chooses.
{
  lib,
  config,
  bash,
  busybox,
  callPackage,
  coreutils,
  kmod,
  linux,
  qemu,
  qemu-utils,
  writeScript,
  writeText,
  storeDir ? builtins.storeDir,
  # These are there from the start. Others, overlay for one, are loaded when they are asked for.
  rootModules ? [
    "virtio_pci"
    "virtio_rng"
    "9pnet_virtio"
    "9p"
    "ext4"
    "crc32c"
  ],
  # These come later, since a VM that goes on from the state of another has a disk of its own.
  diskModules ? [ "virtio_blk" ],
}:

let
  # In MiB.
  defaultMemory = 512;
  withMemory = options: memory: "${options} -m ${toString memory}";

  # The file with `@NAME@` replaced by the values.
  fill =
    file: values:
    let
      names = builtins.attrNames values;
    in
    lib.replaceStrings (map (name: "@${name}@") names) (map (name: "${values.${name}}") names) (
      builtins.readFile file
    );

  shell = "${bash}/bin/sh";

  initrd = callPackage ./initrd.nix { inherit diskModules rootModules storeDir; };

  stage2 = writeScript "vm-run-stage2" (
    fill ./stage-2.sh {
      inherit
        busybox
        coreutils
        kmod
        linux
        shell
        storeDir
        ;
    }
  );

  # A folder of the host, written by whoever builds: what it may not do, changing owners for
  # instance, has no effect.
  share = tag: path: [
    "-fsdev local,id=${tag},path=${path},security_model=none,multidevs=remap"
    "-device virtio-9p-pci,fsdev=${tag},mount_tag=${tag}"
  ];

  kernelParameters = [
    "console=ttyS0"
    "panic=1"
    "command=${stage2}"
    "loglevel=4"
    # The rest is for a quick start: 2 seconds of emulation instead of 3. Clocks, ciphers and the
    # kernel's own pages are not tested first,
    "tsc=reliable"
    "no_timer_check"
    "cryptomgr.notests"
    "rodata=off"
    # the certificates for signed modules are not read, and interrupts go where the firmware put them
    # (virtio does not use those).
    "initcall_blacklist=load_system_certificate_list"
    "pci=noacpi"
    # Nobody in the VM has to be kept from anything.
    "mitigations=off"
    "random.trust_cpu=on"
  ];

  machine = lib.concatStringsSep " " [
    "${qemu}/bin/qemu-system-x86_64"
    "-nodefaults -display none -no-reboot"
    # This firmware only starts the kernel.
    "-machine pc -cpu max -bios qboot.rom"
  ];

  # Ends well where /dev/kvm works: a kernel without a root starts over, which is the end here.
  tryKvm = "${machine} -accel kvm -m 256 -kernel ${linux}/vmlinux -append panic=-1";

  # With a thread for each, two emulated processors start in twice the time, most of which they wait
  # for each other.
  emulated = "tcg,thread=single";

  qemuCommand = lib.concatStringsSep " \\\n  " (
    [
      machine
      "-accel $accelerator"
      "-device virtio-rng-pci"
    ]
    ++ share "store" storeDir
    ++ share "xchg" "xchg"
    ++ [
      "\${drive:+-drive $drive,if=virtio,cache=unsafe,werror=report}"
      "-kernel ${linux}/vmlinux"
      "-initrd ${initrd}"
      # The last word is for kept.nix.
      "-append \"${toString kernelParameters} $keep\""
      "$QEMU_OPTS"
    ]
  );

  kept = callPackage ./kept.nix {
    accelerator = emulated;
    command = qemuCommand;
    options = withMemory "" defaultMemory;
  };

  run = writeText "vm-run" (
    fill ./run.sh {
      inherit
        coreutils
        emulated
        kept
        qemuCommand
        shell
        tryKvm
        ;
      accelerator = config.vmAccelerator or "";
    }
  );
in
{
  inherit initrd kept qemu;

  # What the disk of a build is called in /dev.
  hd = "vda";

  # Shell text that makes an empty disk of `size` MiB and leaves its name in `diskImage`.
  createEmptyImage =
    {
      size,
      fullName,
      destination ? "$out",
    }:
    ''
      mkdir -p ${destination}/nix-support
      diskImage=${destination}/disk-image.qcow2
      ${qemu-utils}/bin/qemu-img create -f qcow2 $diskImage "${toString size}M"
      echo "${fullName}" > ${destination}/nix-support/full-name
    '';

  # The derivation, built in a VM with `memSize` MiB of memory. Shell texts `preVM` and `postVM` run
  # on the host; `preVM` may leave a disk's name in `diskImage`.
  runInLinuxVM =
    drv:
    lib.overrideDerivation drv (
      {
        memSize ? defaultMemory,
        QEMU_OPTS ? "",
        args,
        builder,
        ...
      }:
      {
        requiredSystemFeatures = [ "kvm" ];
        builder = shell;
        args = [
          "-e"
          run
        ];
        origArgs = args;
        origBuilder = builder;
        QEMU_OPTS = withMemory QEMU_OPTS memSize;
        # Its files would be outside of the VM.
        passAsFile = [ ];
      }
      # Since March 2026.
      // lib.optionalAttrs (config.vmStructuredAttrs or false) { __structuredAttrs = true; }
    );
}
