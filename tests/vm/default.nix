# Images whose layers are made as root, in a virtual machine, that have no golden description.
{
  # Whether the machine hands attributes on as nixpkgs does since March 2026.
  structured ? false,
  # An image archive with more layers than any engine runs.
  tower ? null,
}:

let
  pkgs = import ../host-pkgs {
    overlays = [ (import ../../nix/overlay.nix) ];
    config.vmStructuredAttrs = structured;
  };
  inherit (pkgs) dockerTools lib writeText;
  inherit (dockerTools) buildImage mkRootLayer runWithOverlay;
  fixtures = import ../golden/fixtures.nix;

  baseJson = writeText "base.json" ''{ "os": "linux" }'';

  # A layer of no image, for what matters only inside of the machine.
  layer = name: arguments: mkRootLayer ({ inherit name baseJson; } // arguments);

  base = buildImage {
    name = "base";
    tag = "1";
    copyToRoot = fixtures.busybox;
    compressor = "none";
    extraCommands = ''
      mkdir -p etc/gone/deep opt/old var/log usr/sbin
      echo base > etc/kept; echo base > etc/replaced; echo base > etc/deleted; echo base > etc/gone/deep/file
      mkdir etc/emptied; echo base > etc/emptied/hidden
      echo base > opt/old/file; ln -s usr/sbin sbin
    '';
    config.Env = [ "PATH=/bin" ];
  };

  chain =
    fromImage: step:
    buildImage {
      name = "chain";
      tag = step;
      inherit fromImage;
      runAsRoot = "echo ${step} >> /steps";
    };

  # One layer on top of the other, each with a file.
  stacked =
    fromImage: number:
    buildImage {
      name = "stacked";
      tag = toString number;
      inherit fromImage;
      compressor = "none";
      extraCommands = "mkdir -p stack; echo ${toString number} > stack/${toString number}; echo ${toString number} > stack/last";
    };

  # Every kind of quote, and more that shells take for their own.
  odd = ''it's "(odd)" `id` \$HOME ''${x} ünï-日本 * # & | ; \n'';
in
{
  # All that a script of root may do to a base image.
  everything = buildImage {
    name = "everything";
    tag = "1";
    fromImage = base;
    runAsRoot = ''
      ${dockerTools.shadowSetup}
      groupadd --gid 4321 staff
      useradd --uid 1234 --gid staff --no-create-home --home-dir /home/someone someone
      mkdir -p /home/someone /srv/sticky /nodes
      echo mine > /home/someone/file; chown -R someone:staff /home/someone; chmod 640 /home/someone/file
      cp /bin/busybox /srv/suid; chmod 4755 /srv/suid
      chmod 1777 /srv/sticky
      mknod -m 666 /nodes/zero c 1 5; mknod -m 660 /nodes/disk b 7 3; mkfifo /nodes/pipe
      echo secret > /srv/secret; chmod 600 /srv/secret
      cp /bin/busybox /srv/cat; ${pkgs.fromDebian "libcap2-bin"}/bin/setcap cap_dac_override+ep /srv/cat
      rm /etc/deleted; echo new > /etc/replaced
      rm -r /etc/gone
      rm -r /etc/emptied; mkdir /etc/emptied; echo new > /etc/emptied/seen
      mv /opt/old /opt/new
      echo sbin > /sbin/tool
    '';
    config.Env = [ "PATH=/bin" ];
  };

  chain = (chain (chain (chain base "one") "two") "three").override { copyToRoot = null; };

  # More layers than fit into the options of nixpkgs' overlayfs.
  forty = buildImage {
    name = "forty";
    tag = "1";
    fromImage = lib.foldl' stacked base (lib.range 1 39);
    runAsRoot = "ls /stack | wc -l > /count; cat /stack/last >> /count; rm /stack/7";
    config.Env = [ "PATH=/bin" ];
  };

  repeated = buildImage {
    name = "repeated";
    tag = "1";
    fromImage = import ../golden/cases/repeated-base.nix {
      inherit dockerTools fixtures lib;
    };
    runAsRoot = "echo here > /here";
  };

  # The base's /bin is a symlink, and so it stays.
  linked = buildImage {
    name = "linked";
    tag = "1";
    fromImage = buildImage {
      name = "linked-base";
      tag = "1";
      extraCommands = ''
        mkdir -p usr/bin
        cp ${fixtures.busybox}/bin/busybox usr/bin/busybox
        ln -s usr/bin bin
        ln -s busybox usr/bin/sh; ln -s busybox usr/bin/ls
      '';
    };
    runAsRoot = "/bin/sh -c 'echo through > /bin/added'";
  };

  quotes = buildImage {
    name = "quotes";
    tag = "1";
    copyToRoot = fixtures.busybox;
    runAsRoot = ''
      cat > /root-said << 'END'
      ${odd}
      END
    '';
    extraCommands = ''
      cat > extra-said << 'END'
      ${odd}
      END
    '';
  };
  inherit odd;

  # What the script finds around it.
  around = layer "around" {
    copyToRoot = fixtures.busybox;
    runAsRoot = ''
      cat /proc/net/dev | tail -n +3 | wc -l > /networks
      ls -d /proc/[0-9]* | wc -l > /processes
      echo $PPID > /parent
      echo changed > /proc/sys/kernel/hostname
    '';
  };

  tower = layer "tower" {
    fromImage = builtins.storePath tower;
    runAsRoot = "ls /floors | wc -l > /count; cat /floors/1 /floors/150 >> /count";
  };

  # The hooks of one build share a shell, and the directory of the disk.
  hooks = runWithOverlay {
    name = "hooks";
    fromImage = base;
    preMount = ''
      said="before: $(ls | tr '\n' ' ') $(cat image/etc/kept) $(ls mnt | wc -l)"
      mkdir layer/added; echo "added before" > layer/added/file
    '';
    postMount = ''
      said="$said; during: $(cat mnt/etc/kept) $(cat mnt/added/file)"
      rm mnt/etc/deleted; echo changed > mnt/etc/replaced
    '';
    postUmount = ''
      echo "$said; after: $(cd layer; find . -type f | sort | tr '\n' ' ') $(ls mnt | wc -l)" > $out
    '';
  };

  # Builds that fail.
  fails-with-7 = layer "seven" { runAsRoot = "echo last words; exit 7"; };
  fails-in-extra-commands = layer "extra" {
    runAsRoot = "true";
    extraCommands = "echo in $PWD; exit 9";
  };
  fails-in-hook = runWithOverlay {
    name = "failing-hook";
    postMount = "mount --bind mnt mnt; cd mnt; (exit 11)";
  };
  out-of-memory = layer "greedy" {
    buildVMMemorySize = 160;
    # Each line of the variable is doubled, without a file.
    runAsRoot = "text=xxxxxxxxxxxxxxxx; while true; do text=$text$text; done";
  };
  kills-its-parent = layer "killer" {
    copyToRoot = fixtures.busybox;
    runAsRoot = "kill -9 $PPID; kill -9 1; echo both still there; kill -9 $$; sleep 60";
  };
  switches-off = layer "off" {
    copyToRoot = fixtures.busybox;
    runAsRoot = "echo o > /proc/sysrq-trigger; sleep 60";
  };
  # These two end well.
  leaves-mounts = layer "mounts" {
    runAsRoot = ''
      mkdir /one /two; echo below > /one/file
      ${pkgs.util-linux}/bin/mount -t tmpfs none /one; echo hidden > /one/hidden
      ${pkgs.util-linux}/bin/mount --bind /one /two
      cd /two; (while true; do sleep 1; done) &
    '';
  };

  # The processor stands still.
  does-not-boot = lib.overrideDerivation (layer "still" { runAsRoot = "true"; }) (machine: {
    QEMU_OPTS = "${machine.QEMU_OPTS} -S";
    args = [
      "watch-vm"
      "--boot=5"
    ]
    ++ lib.tail machine.args;
  });
  # There is no such kernel.
  no-kernel = lib.overrideDerivation (layer "none" { runAsRoot = "true"; }) (machine: {
    QEMU_OPTS = "${machine.QEMU_OPTS} -kernel /dev/null";
  });
}
