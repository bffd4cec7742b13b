# What the files of a Debian package alone do not say: names that alternatives or maintainer
# scripts would give, and paths inside scripts. For each package a shell text that runs in $out at
# the end of debian/build.sh, and the packages it needs, as variables with `_` for other characters.
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
