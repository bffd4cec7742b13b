# What the files of a Debian package alone do not say: names that alternatives or maintainer
# scripts would give, and paths inside programs. For each package:
#   script  a shell text that runs in $out at the end of debian/build.sh;
#   uses    packages the script needs, as variables with `_` for characters other than letters;
#   includes  packages that become part of this one, though it does not need them;
#   merges  a pattern for needed packages that become part of this one.
{
  bash.script = ''
    ln -s bash bin/sh
  '';

  gawk.script = ''
    ln -sf gawk bin/awk
  '';

  busybox-static.script = ''
    for applet in $("$out/bin/busybox" --list); do
      [ -e "bin/$applet" ] || ln -s busybox "bin/$applet"
    done
  '';

  # The description of file types is a package of its own, looked for below /usr.
  file = {
    uses = [ "libmagic-mgc" ];
    script = ''
      mv bin/file bin/.file-wrapped
      cat > bin/file <<EOF
      #!$shell
      export MAGIC=\''${MAGIC-$libmagic_mgc/lib/file/magic.mgc}
      exec -a "\$0" $out/bin/.file-wrapped "\$@"
      EOF
      chmod +x bin/file
    '';
  };

  # nixpkgs has each of these two as one package.
  passwd.includes = [ "login" ];
  util-linux.includes = [
    "bsdutils"
    "mount"
  ];

  # Python looks for its library beside its program, and Debian has them in several packages.
  python3.merges = "(lib)?python3.*";

  # QEMU looks for modules and firmware beside itself, where Debian's other packages put them.
  qemu-system-x86 = {
    merges = "qemu-system-(common|data)|seabios";
    script = ''
      ln -s . "lib/$multiarch"
    '';
  };

  # nixpkgs has server and client in one package.
  redis-server.merges = "redis-tools";

  # The script asks getopt for its options and looks for its library below /usr. In Nix's sandbox a
  # real chown to another user gives EINVAL, which fakeroot does not forgive as it does EPERM, so
  # none is tried; nixpkgs patches its fakeroot for the same reason.
  fakeroot = {
    uses = [
      "libfakeroot"
      "util-linux"
      "sed"
    ];
    script = ''
      for script in bin/fakeroot-sysv bin/fakeroot-tcp; do
        sed -i \
          -e "1a export FAKEROOTDONTTRYCHOWN=1" \
          -e "s|^FAKEROOT_PREFIX=.*|FAKEROOT_PREFIX=$out|" \
          -e "s|^FAKEROOT_BINDIR=.*|FAKEROOT_BINDIR=$out/bin|" \
          -e "s|^PATHS=.*|PATHS=$libfakeroot/lib/libfakeroot|" \
          -e "s|\`getopt |\`$util_linux/bin/getopt |" \
          -e "s|PATHS . sed |PATHS \| $sed/bin/sed |" \
          "$script"
      done
      ln -s fakeroot-sysv bin/fakeroot
      ln -s faked-sysv bin/faked
    '';
  };
}
