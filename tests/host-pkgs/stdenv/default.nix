# The standard environment. Takes a shell, the packages on every build's PATH and the platforms;
# gives a derivation with `setup` in it and `mkDerivation` beside it.
{
  lib,
  config,
  bash,
  initialPath,
  buildPlatform,
  hostPlatform,
  targetPlatform ? hostPlatform,
  # Whether this plays the environment with a compiler. There is none in either.
  hasCC ? false,
}:

let
  shell = "${bash}/bin/bash";
  inherit (buildPlatform) system;

  drv = derivation {
    name = if hasCC then "stdenv-linux" else "stdenv-nocc-linux";
    inherit system shell initialPath;
    builder = shell;
    args = [
      "-e"
      ./build-stdenv.sh
    ];
    PATH = lib.makeBinPath initialPath;
    setup = ./setup.sh;
    phases = ./phases.sh;
    substitutions = ./substitute.sh;
    preferLocalBuild = true;
    allowSubstitutes = false;
  };

  stdenv =
    drv
    // {
      inherit
        system
        shell
        initialPath
        hasCC
        buildPlatform
        hostPlatform
        targetPlatform
        ;
      inherit (hostPlatform)
        isLinux
        isDarwin
        isx86_64
        isAarch64
        is64bit
        ;
      extraBuildInputs = [ ];
      extraNativeBuildInputs = [ ];
      mkDerivation = import ./make-derivation.nix { inherit lib config; } stdenv;
      meta = {
        description = "The default build environment";
        platforms = lib.platforms.unix;
      };
    }
    // lib.optionalAttrs hasCC {
      cc = throw "host-pkgs: `stdenv.cc` is not offered; what needs a compiler is built before Nix runs";
    };
in
stdenv
