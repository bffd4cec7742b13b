# All packages and functions of the set before overlays. Takes the final set for what an overlay
# may replace; gives a set in which nothing is evaluated before it is used.
{
  lib,
  config,
  final,
  again,
  buildPlatform,
  hostPlatform,
  overlays,
  builderBinary,
}:

let
  debian = import ../debian {
    inherit lib;
    inherit (buildPlatform) system;
  };

  callPackage = lib.callPackageWith final;

  environment = {
    inherit
      lib
      config
      buildPlatform
      hostPlatform
      ;
    inherit (final) bash;
    initialPath = [
      final.coreutils
      final.findutils
      final.diffutils
      final.gnused
      final.gnugrep
      final.gawk
      final.gnutar
      final.gzip
      final.bzip2
      final.gnumake
      final.bash
      final.patch
      final.xz
      final.file
    ];
  };

  cross = hostPlatform.system != buildPlatform.system;
in
import ./programs.nix { inherit lib callPackage debian; }
// import ./absent.nix {
  inherit lib;
  inherit (final) runCommand;
}
// import ../build-support { inherit lib config final; }
// {
  inherit lib config overlays;
  pkgs = final;

  inherit callPackage;
  callPackages = callPackage;
  newScope = extra: lib.callPackageWith (final // extra);
  extend = overlay: again { overlays = overlays ++ [ overlay ]; };
  appendOverlays = more: again { overlays = overlays ++ more; };

  inherit (debian) fromDebian;

  stdenv = import ../stdenv (environment // { hasCC = true; });
  stdenvNoCC = import ../stdenv environment;
  inherit buildPlatform hostPlatform;
  targetPlatform = hostPlatform;
  inherit (hostPlatform) system;

  shell = "${final.bash}/bin/bash";
  runtimeShell = "${final.bash}/bin/bash";
  runtimeShellPackage = final.bash;

  # Programs run on the build machine whatever the image is for, so both sets have them.
  buildPackages = if cross then again { crossSystem = null; } else final;
  pkgsBuildBuild = final.buildPackages;
  pkgsBuildHost = final.buildPackages;
  targetPackages = final;
  pkgsCross = builtins.mapAttrs (_: crossSystem: again { inherit crossSystem; }) lib.systems.examples;

  # Only its names for platforms are used; a compiler is not needed for that.
  go = hostPlatform.go;

  linux = callPackage ../vm/linux.nix { inherit debian; };
  vmTools = callPackage ../vm { };

  dockerTools = callPackage ./docker-tools.nix { };
  tarsum = callPackage ./tarsum.nix { inherit builderBinary; };
  rustPlatform = callPackage ./rust-platform.nix { inherit builderBinary; };
  devShellTools = callPackage ./dev-shell-tools.nix { };
  nixosTests = { };
}
