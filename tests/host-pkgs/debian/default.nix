# Debian packages as Nix packages: each one is a derivation of its own whose programs and
# libraries refer to the store paths of the packages they need. Takes the system and where dpkg
# keeps its records; gives `fromDebian`, a function from a package's name to the derivation.
{
  lib,
  system,
  dpkgDir ? "/var/lib/dpkg",
}:

let
  status = import ./status.nix { inherit lib dpkgDir; };
  source = import ./source.nix {
    inherit lib dpkgDir;
    inherit (status) packages;
  };

  missing =
    name:
    throw "host-pkgs: the Debian package `${name}` is not installed; run: apt-get install ${name}";

  sources = builtins.mapAttrs (name: _: source name) status.packages;
  sourceOf = name: (sources.${name} or (missing name)).usr;

  # `lib` of the build machine's libraries: the multiarch directory of this system.
  multiarch = "${lib.head (lib.splitString "-" system)}-linux-gnu";

  # Nothing built here can run yet, so the first programs are started by hand: a static busybox,
  # and patchelf through the dynamic loader, both straight from the imported files.
  bootstrap = {
    busybox = "${sourceOf "busybox-static"}/bin/busybox";
    patchelf = "${sourceOf "patchelf"}/bin/patchelf";
    loader = "${sourceOf "libc6"}/lib/${multiarch}/${loaderName}";
    libraries = lib.concatMapStringsSep ":" (name: "${sourceOf name}/lib/${multiarch}") [
      "libc6"
      "libstdc++6"
      "libgcc-s1"
    ];
  };
  loaderName =
    {
      x86_64-linux = "ld-linux-x86-64.so.2";
      aarch64-linux = "ld-linux-aarch64.so.1";
    }
    .${system} or (throw "host-pkgs: no dynamic loader known for `${system}`");

  # These come before the shell, so their scripts keep `#!/bin/sh`.
  belowShell = [
    "bash"
    "libc6"
    "libtinfo6"
  ];

  fixups = import ./fixups.nix;

  make =
    name: package:
    let
      fixup = fixups.${name} or { };
      uses = lib.listToAttrs (
        map (
          used: lib.nameValuePair (lib.replaceStrings [ "-" "." "+" ] [ "_" "_" "_" ] used) (fromDebian used)
        ) (fixup.uses or [ ])
      );
      # The packages that are one here: this one, and those it asks to have in its own tree.
      parts = map (item: item.key) (
        builtins.genericClosure {
          startSet = map (key: { inherit key; }) ([ name ] ++ fixup.includes or [ ]);
          operator = item: map (key: { inherit key; }) (builtins.filter isPart (status.needs.${item.key} or [ ]));
        }
      );
      isPart = part: fixup ? merges && builtins.match fixup.merges part != null;
      needs = lib.subtractLists parts (lib.unique (lib.concatMap (part: status.needs.${part}) parts));
      pkg = derivation (
        {
          name = lib.strings.sanitizeDerivationName "${name}-${package.version}";
          inherit system multiarch loaderName;
          inherit (bootstrap) patchelf loader libraries;
          builder = bootstrap.busybox;
          args = [
            "sh"
            ./build.sh
          ];
          sources = map sourceOf parts;
          dependencies = map fromDebian needs;
          # The libraries every program needs: libc6 itself has them in its own output.
          libc = if name == "libc6" then "" else fromDebian "libc6";
          # glibc opens libgcc_s itself when a thread is cancelled, and looks only beside itself.
          libgcc = if name == "libc6" then sourceOf "libgcc-s1" else "";
          shell = if builtins.elem name belowShell then "" else "${fromDebian "bash"}/bin/bash";
          fixup = fixup.script or "";
          preferLocalBuild = true;
          allowSubstitutes = false;
        }
        // uses
      );
    in
    lib.extendDerivation true {
      pname = name;
      inherit (package) version;
      # The files in /etc that the package brings.
      etc = sources.${name}.etc;
      meta = {
        inherit name;
        platforms = lib.platforms.linux;
        mainProgram = name;
      };
      passthru = { };
    } pkg;

  made = builtins.mapAttrs make status.packages;
  fromDebian = name: made.${name} or (missing name);
in
{
  inherit fromDebian;

  # The kernel of a meta package; see kernel.nix.
  kernel = package: folders: import ./kernel.nix { inherit lib status package folders; };
}
