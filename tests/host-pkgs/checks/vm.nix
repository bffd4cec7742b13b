# `vmTools`: builds as root in a virtual machine, in both shapes that nixpkgs gave it.
{
  pkgs,
  again,
  lib,
}:

let
  inBothShapes =
    check:
    check {
      shape = "environment";
      set = pkgs;
      isEnvironment = true;
    }
    // check {
      shape = "structured attributes";
      set = again { config.vmStructuredAttrs = true; };
      isEnvironment = false;
    };
in
inBothShapes (
  {
    shape,
    set,
    isEnvironment,
  }:
  let
    inherit (set) runCommand vmTools;
    inVM = name: attrs: text: vmTools.runInLinuxVM (runCommand name attrs text);
  in
  {
    "VM with ${shape}: the build sees its attributes, and root's rights".build =
      inVM "in-vm"
        {
          word = "a b";
          list = [
            "c"
            "d"
          ];
          enableParallelBuilding = false;
          nativeBuildInputs = [
            set.jq
            set.util-linux
          ];
        }
        ''
          [ "$word|''${list[*]}" = "a b|c d" ]
          if ${lib.boolToString isEnvironment}; then
            [ "$(printenv word)|$(printenv list)" = "a b|c d" ]
            [ -z "''${NIX_ATTRS_JSON_FILE-}" ]
            [ ! -e /tmp/xchg/.attrs.json ]
          else
            ! printenv word
            [ "$(printenv NIX_ATTRS_JSON_FILE)" = /tmp/xchg/.attrs.json ]
            [ "$(jq -r '.word + .list[1] + .outputs.out' $NIX_ATTRS_JSON_FILE)" = "a bd$out" ]
          fi

          [ "$(id -u)|$PWD|$TMPDIR|$NIX_BUILD_TOP|$NIX_STORE" = "0|/tmp|/tmp|/tmp|${builtins.storeDir}" ]
          [ "$(nproc)" = 1 ]
          [ "$(cut -d : -f 1,3 /etc/passwd)" = root:0 ]
          [ ! -e /etc/group ]
          [ -x /bin/sh ]
          [ "$(cat /proc/sys/vm/panic_on_oom)" = 2 ]
          [ "$(cat /sys/class/net/lo/flags)" = 0x9 ]
          for directory in / /dev/shm /run /tmp; do
            [ "$(stat -f -c %T "$directory")" = tmpfs ]
          done

          # The kernel finds overlay by itself.
          mkdir lower upper work merged
          mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
          mkdir lower/directory
          touch lower/directory/file
          rm -r merged/directory
          mkdir merged/directory
          umount merged
          # That a directory is opaque stands in a trusted attribute.
          mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
          [ -z "$(ls merged/directory)" ]
          mkdir {1..200}
          mount -t overlay overlay -o "lowerdir=$(printf '%s:' {1..199})200" merged
          unshare --ipc --mount --net --pid --uts --fork true
          unshare --user --map-root-user true

          mkdir $out
          dd if=/dev/urandom of=$out/bytes bs=1M count=20
          sha256sum $out/bytes > $out/sum
          mkdir -p /tmp/xchg/seen && touch /tmp/xchg/seen/file
        '';

    "VM with ${shape}: structured attributes of one's own are in a file".build =
      inVM "in-vm"
        {
          __structuredAttrs = true;
          set.key = "value";
          nativeBuildInputs = [ set.jq ];
        }
        ''
          [ "''${set[key]}" = value ]
          [ "$(jq -r .set.key $NIX_ATTRS_JSON_FILE)" = value ]
          touch $out
        '';

    "VM with ${shape}: preVM and postVM run on the host, and the disk is there".build =
      inVM "in-vm"
        {
          preVM = ''
            ${vmTools.createEmptyImage {
              size = 300;
              fullName = "disk of a test";
              destination = "./image";
            }}
            [ "$(cat image/nix-support/full-name)" = "disk of a test" ]
            [ "$(id -u)" != 0 ]
            echo written before > xchg/before
          '';
          postVM = ''
            [ "$(cat xchg/after)" = "written after" ]
            (cd $out && sha256sum -c sum)
            echo kept > $out/kept
          '';
          memSize = 300;
          nativeBuildInputs = [
            set.e2fsprogs
            set.util-linux
          ];
        }
        ''
          [ "$(blockdev --getsize64 /dev/${vmTools.hd})" = $((300 * 1024 * 1024)) ]
          [ "$(head -c 1000 /dev/${vmTools.hd} | tr -d '\0' | wc -c)" = 0 ]
          mkfs.ext4 -q /dev/${vmTools.hd}
          mkdir /mnt
          mount /dev/${vmTools.hd} /mnt
          mknod /mnt/null c 1 3
          chown 5:6 /mnt/null

          (($(awk '/MemTotal/ { print $2 }' /proc/meminfo) < 300 * 1024))
          [ "$(cat /tmp/xchg/before)" = "written before" ]
          echo written after > /tmp/xchg/after
          mkdir $out
          cd $out
          head -c 50M /dev/urandom > bytes
          sha256sum bytes > sum
        '';

    "VM with ${shape}: an emulated one goes on from another's state, with its own time and disk".build =
      inVM "in-vm"
        {
          preVM = ''
            ${vmTools.createEmptyImage {
              size = 200;
              fullName = "disk of a test";
              destination = "./image";
            }}
            date +%s > xchg/before
          '';
          postVM = "grep -q -e '-accel kvm' -e '-incoming' run-vm";
          nativeBuildInputs = [ set.util-linux ];
        }
        ''
          seconds=$(($(date +%s) - $(cat /tmp/xchg/before)))
          ((seconds >= 0 && seconds < 100))
          [ "$(blockdev --getsize64 /dev/${vmTools.hd})" = $((200 * 1024 * 1024)) ]
          touch $out
        '';

    "VM with ${shape}: a failing build is a VM without an exit code" = {
      fail = inVM "failing" { } ''
        echo the last words
        exit 7
      '';
      message = "Virtual machine didn't produce an exit code.";
    };

    "VM with ${shape}: users can be added after shadowSetup".build = inVM "in-vm" { } ''
      # As in a new image.
      rm /etc/passwd
      ${set.dockerTools.shadowSetup}
      groupadd --system group
      useradd --system --gid group --home-dir /data user
      [[ $(grep ^user: /etc/passwd) == user:x:*:/data:* ]]
      touch file
      chown user:group file
      [ "$(stat -c %U:%G file)" = user:group ]
      touch $out
    '';

    "VM with ${shape}: enableParallelBuilding gives it all cores".build =
      inVM "in-vm" { enableParallelBuilding = true; } ''
        [ "$(nproc)" = "$NIX_BUILD_CORES" ]
        touch $out
      '';
  }
)
// {
  "runInLinuxVM replaces what nixpkgs' does" =
    let
      drv = pkgs.runCommand "d" {
        passAsFile = [ "x" ];
        QEMU_OPTS = "-name d";
        memSize = 700;
        passthru.p = 1;
      } "";
      inVM = pkgs.vmTools.runInLinuxVM drv;
    in
    {
      expr = [
        inVM.requiredSystemFeatures
        inVM.passAsFile
        inVM.origArgs
        inVM.origBuilder
        inVM.QEMU_OPTS
        inVM.p
      ];
      expected = [
        [ "kvm" ]
        [ ]
        drv.args
        drv.builder
        "-name d -m 700"
        1
      ];
    };
}
