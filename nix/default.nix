# The scope of the functions. `overrideScope` reaches all of them and all that they share. Each file of `functions` has the
# attribute of its name.
{
  lib,
  newScope,
  buildPackages,
  # The `dockerTools` that ours takes the place of. A few of its attributes stay as they are there.
  dockerTools ? { },
  fakeNss,
  # Old package sets do not have it.
  devShellTools ? null,
  # How much a base image may ask for, where that is more than usual: `{ maxLayers = 2000; }`.
  dockerToolsLimits ? { },
  nixosTests ? { },
}:

lib.makeScope newScope (
  self:
  let
    # A function finds here what all functions share, the other functions, and the package set.
    inherit (self.internal) callPackage;
  in
  {
    # The program runs where an image is built, whatever platform the image is for.
    builder = buildPackages.callPackage ./package.nix { };

    # What the functions share. It is overridden by its own `overrideScope`.
    internal = import ./internal {
      inherit lib devShellTools dockerToolsLimits;
      inherit (self) newScope;
    };

    buildImage = callPackage ./functions/buildImage.nix { };
    buildImageWithNixDb = callPackage ./functions/buildImageWithNixDb.nix { };
    buildLayeredImage = callPackage ./functions/buildLayeredImage.nix { };
    buildLayeredImageWithNixDb = callPackage ./functions/buildLayeredImageWithNixDb.nix { };
    buildNixShellImage = callPackage ./functions/buildNixShellImage.nix { };
    examples = callPackage ./examples { };
    exportImage = callPackage ./functions/exportImage.nix { };
    mergeDrvs = callPackage ./functions/mergeDrvs.nix { };
    mergeImages = callPackage ./functions/mergeImages.nix { };
    mkPureLayer = callPackage ./functions/mkPureLayer.nix { };
    mkRootLayer = callPackage ./functions/mkRootLayer.nix { };
    pullImage = callPackage ./functions/pullImage.nix { };
    runWithOverlay = callPackage ./functions/runWithOverlay.nix { };
    streamLayeredImage = callPackage ./functions/streamLayeredImage.nix { };
    streamNixShellImage = callPackage ./functions/streamNixShellImage.nix { };
    tarsum = callPackage ./functions/tarsum.nix { };
    # `callPackage` would add an attribute `override` to the tests.
    tests = import ./functions/tests.nix { inherit lib nixosTests; };

    # These are a few links or lines, which we could not make faster. The package set's own are kept, and ours are for
    # sets that do not have them.
    binSh = dockerTools.binSh or (callPackage ./functions/binSh.nix { });
    caCertificates = dockerTools.caCertificates or (callPackage ./functions/caCertificates.nix { });
    inherit fakeNss;
    shadowSetup = dockerTools.shadowSetup or (callPackage ./functions/shadowSetup.nix { });
    shellScript = dockerTools.shellScript or (callPackage ./functions/shellScript.nix { });
    usrBinEnv = dockerTools.usrBinEnv or (callPackage ./functions/usrBinEnv.nix { });
  }
)
