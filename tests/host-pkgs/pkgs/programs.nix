# nixpkgs' names for the programs, each made from the Debian package that has it.
{
  lib,
  callPackage,
  debian,
}:

let
  programs = {
    bash = "bash";
    bashInteractive = "bash";
    bashNonInteractive = "bash";
    binutils = "binutils";
    busybox = "busybox-static";
    bzip2 = "bzip2";
    coreutils = "coreutils";
    diffutils = "diffutils";
    e2fsprogs = "e2fsprogs";
    fakeroot = "fakeroot";
    file = "file";
    findutils = "findutils";
    gawk = "gawk";
    glibc = "libc6";
    gnugrep = "grep";
    gnumake = "make";
    gnused = "sed";
    gnutar = "tar";
    gzip = "gzip";
    jq = "jq";
    jshon = "jshon";
    kmod = "kmod";
    moreutils = "moreutils";
    nginx = "nginx";
    nix = "nix-bin";
    openssl = "openssl";
    patch = "patch";
    patchelf = "patchelf";
    pigz = "pigz";
    proot = "proot";
    python3 = "python3";
    qemu = "qemu-system-x86";
    qemu-utils = "qemu-utils";
    redis = "redis-server";
    rsync = "rsync";
    shadow = "passwd";
    skopeo = "skopeo";
    sqlite = "sqlite3";
    umoci = "umoci";
    util-linux = "util-linux";
    xz = "xz-utils";
    zlib = "zlib1g";
    zstd = "zstd";
  };

  # Where the program is not called as the attribute is.
  mainPrograms = {
    binutils = null;
    coreutils = null;
    e2fsprogs = null;
    findutils = "find";
    glibc = null;
    gnugrep = "grep";
    gnumake = "make";
    gnused = "sed";
    gnutar = "tar";
    gawk = "gawk";
    bashInteractive = "bash";
    bashNonInteractive = "bash";
    moreutils = null;
    qemu = "qemu-system-x86_64";
    qemu-utils = "qemu-img";
    redis = "redis-server";
    shadow = null;
    sqlite = "sqlite3";
    util-linux = null;
    zlib = null;
  };

  program =
    attribute: name:
    let
      pkg = debian.fromDebian name;
      main = mainPrograms.${attribute} or attribute;
    in
    pkg
    // {
      meta = removeAttrs pkg.meta [ "mainProgram" ] // lib.optionalAttrs (main != null) { mainProgram = main; };
    };
in
builtins.mapAttrs program programs
// {
  cacert = callPackage ./cacert.nix { };
  fakeNss = callPackage ./fake-nss.nix { };
  hello = callPackage ./hello.nix { };
  pkgsStatic.busybox = callPackage ./static-busybox.nix { };
}
