# Gives the scope of the functions, in which `internal` is the scope of what they share.
# `overrideScope` reaches both. Each file in `functions` is named after its attribute.
{
  lib,
  newScope,
  buildPackages,
  # The `dockerTools` of the package set without ours. We keep a few of its attributes.
  dockerTools ? { },
  fakeNss,
  # Old package sets do not have it.
  devShellTools ? null,
  # The limits to raise for base images, such as `{ maxLayers = 2000; }`.
  dockerToolsLimits ? { },
  nixosTests ? { },
}:

lib.makeScope newScope (
  self:
  let
    # `callPackage` takes the arguments of a function from `internal`, from this scope and from the
    # package set.
    inherit (self.internal) callPackage;
  in
  {
    # The program runs on the platform that an image is built on, whatever platform the image is
    # for.
    builder = buildPackages.callPackage ./package.nix { };

    # What the functions share. It is overridden by its own `overrideScope`.
    internal = import ./internal {
      inherit lib devShellTools dockerToolsLimits;
      inherit (self) newScope;
    };

    buildImage = callPackage ./functions/buildImage.nix { };
    buildImageWithNixDb = callPackage ./functions/buildImageWithNixDb.nix { };
    buildLayer = callPackage ./functions/buildLayer.nix { };
    buildLayeredImage = callPackage ./functions/buildLayeredImage.nix { };
    buildLayeredImageWithNixDb = callPackage ./functions/buildLayeredImageWithNixDb.nix { };
    buildNixShellImage = callPackage ./functions/buildNixShellImage.nix { };
    examples = callPackage ./examples { };
    exportImage = callPackage ./functions/exportImage.nix { };
    imageIndex = callPackage ./functions/imageIndex.nix { };
    mergeDrvs = callPackage ./functions/mergeDrvs.nix { };
    mergeImages = callPackage ./functions/mergeImages.nix { };
    mkPureLayer = callPackage ./functions/mkPureLayer.nix { };
    mkRootLayer = callPackage ./functions/mkRootLayer.nix { };
    ociLayout = callPackage ./functions/ociLayout.nix { };
    pullImage = callPackage ./functions/pullImage.nix { };
    runWithOverlay = callPackage ./functions/runWithOverlay.nix { };
    streamLayeredImage = callPackage ./functions/streamLayeredImage.nix { };
    streamNixShellImage = callPackage ./functions/streamNixShellImage.nix { };
    tarsum = callPackage ./functions/tarsum.nix { };
    # `callPackage` would add an attribute `override` to the tests.
    tests = import ./functions/tests.nix { inherit lib nixosTests; };

    # Each of these is a few symlinks or lines, which we could not make faster. We keep those of the
    # package set, and ours are for package sets that do not have them.
    binSh = dockerTools.binSh or (callPackage ./functions/binSh.nix { });
    caCertificates = dockerTools.caCertificates or (callPackage ./functions/caCertificates.nix { });
    inherit fakeNss;
    shadowSetup = dockerTools.shadowSetup or (callPackage ./functions/shadowSetup.nix { });
    shellScript = dockerTools.shellScript or (callPackage ./functions/shellScript.nix { });
    usrBinEnv = dockerTools.usrBinEnv or (callPackage ./functions/usrBinEnv.nix { });
  }
)
