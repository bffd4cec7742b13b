# The sandbox, and the programs and libraries in it.
{ pkgs, lib, ... }:

let
  inherit (pkgs) runCommand;
in
{
  "the sandbox holds nothing of this machine".build = runCommand "root" { } ''
    cd /
    for entry in *; do
      case $entry in build | dev | etc | nix | proc | tmp) ;;
        # Nix itself may bring a static shell.
        bin) [ "$(echo bin/*)" = bin/sh ] ;;
        *) echo "there is /$entry"; exit 1 ;;
      esac
    done
    touch $out
  '';

  "programs of the standard environment work together".build = runCommand "tools" { } ''
    mkdir d
    echo a b > d/f
    tar -cf - d | gzip | bzip2 | xz > t
    [ "$(xz -d < t | bzip2 -d | gzip -d | tar -xOf - d/f | sed s/a/A/ | grep A | awk '{ print $2 }')" = b ]
    find . -name f | xargs file | grep ASCII
    cmp d/f d/f
    diff d/f d/f
    make --version
    patch --version
    touch $out
  '';

  "programs of nativeBuildInputs work".build =
    runCommand "programs"
      {
        nativeBuildInputs = [
          pkgs.e2fsprogs
          pkgs.jq
          pkgs.jshon
          pkgs.moreutils
          pkgs.openssl
          pkgs.pigz
          pkgs.python3
          pkgs.rsync
          pkgs.sqlite
          pkgs.util-linux
          pkgs.zstd
        ];
      }
      ''
        echo '{}' | jq -c .a=1 > a
        [ "$(jshon -e a < a)" = 1 ]
        mkdir b
        rsync -a a b/
        pigz < b/a | gzip -d | zstd | zstd -d | sponge c
        cmp a c
        [ "$(sqlite3 :memory: 'select 1 + 1')" = 2 ]
        python3 -c 'import hashlib, json, tarfile'
        openssl version
        mkfs.ext2 -V
        unshare --version
        touch $out
      '';

  "fakeroot keeps an owner".build = runCommand "owner" { nativeBuildInputs = [ pkgs.fakeroot ]; } ''
    [ "$(fakeroot bash -e -c 'touch f; chown 5:6 f; stat -c %u:%g f')" = 5:6 ]
    touch $out
  '';

  "proot changes the root".build = runCommand "root" { nativeBuildInputs = [ pkgs.proot ]; } ''
    mkdir -p r/inside
    [ "$(proot -r $PWD/r -b /nix -b /proc -b /dev --pwd=/ ${pkgs.bash}/bin/bash -c 'echo /i*')" = /inside ]
    touch $out
  '';

  "servers run from their store paths".build = runCommand "servers" { } ''
    ${lib.getExe pkgs.redis} --version | grep 'Redis server v='
    ${lib.getExe pkgs.nginx} -V 2>&1 | grep 'nginx version'
    touch $out
  '';

  "nix and skopeo run from their store paths".build = runCommand "nix" { } ''
    ${pkgs.nix}/bin/nix-store --version
    ${lib.getExe pkgs.skopeo} --version
    touch $out
  '';

  "a library is a store path of its own, with references".build = runCommand "libraries" { } ''
    closure=${pkgs.writeClosure [ pkgs.redis ]}
    cat $closure
    grep -e '-libssl3' $closure
    grep -e '-libc6-' $closure
    [ "$(wc -l < $closure)" -ge 10 ]
    # A library refers to libc6, and of the programs only those that start it refer to bash.
    grep -e '-libc6-' ${pkgs.writeDirectReferencesToFile (pkgs.fromDebian "libzstd1")}
    ! grep -e '-bash-' $closure
    touch $out
  '';

  "no file of a package asks for a loader outside the store".build =
    runCommand "loaders" { nativeBuildInputs = [ pkgs.patchelf ]; } ''
      for program in ${pkgs.coreutils}/bin/* ${pkgs.redis}/bin/* ${pkgs.nix}/bin/*; do
        # Scripts have no loader.
        loader=$(patchelf --print-interpreter "$program" 2>/dev/null) || continue
        [[ $loader == /nix/store/* ]]
      done
      touch $out
    '';

  "a Debian package that is absent is named" = {
    fail = pkgs.fromDebian "no-such-package";
    message = "apt-get install no-such-package";
  };
}
