# The scope in which every function is made, so that `overrideScope` reaches all of them: those with dockerTools' names in
# `functions`, and what they share in `internal`, which `overlay.nix` does not let out. One file per attribute, named like it.
{
  lib,
  newScope,
  buildPackages,
  # The `dockerTools` that ours takes the place of; what is not ours yet comes from there.
  dockerTools ? { },
  fakeNss,
  # Old package sets do not have it.
  devShellTools ? null,
  # How much base images may ask for, where that is more than usual: `{ maxLayers = 2000; }`.
  dockerToolsLimits ? { },
  nixosTests ? { },
}:

lib.makeScope newScope (
  self:
  let
    inherit (self) callPackage;
  in
  {
    # It runs where the image is built, whatever platform the image is for.
    builder = buildPackages.callPackage ./package.nix { };

    checkConfig = callPackage ./internal/checkConfig.nix { };
    checkReference = callPackage ./internal/checkReference.nix { };
    checkTime = callPackage ./internal/checkTime.nix { };
    mkBuilderDerivation = callPackage ./internal/mkBuilderDerivation.nix { };
    mkBaseJson = callPackage ./internal/mkBaseJson.nix { };
    mkCustomisationLayer = callPackage ./internal/mkCustomisationLayer.nix { };
    mkDbExtraCommand = callPackage ./internal/mkDbExtraCommand.nix { };
    mkDescription = callPackage ./internal/mkDescription.nix { };
    mkLayerClosure = callPackage ./internal/mkLayerClosure.nix { };
    mkLayeredImage = callPackage ./internal/mkLayeredImage.nix { };
    mkOverlayOptions = callPackage ./internal/mkOverlayOptions.nix { };
    limits = dockerToolsLimits;
    compressorExtension = callPackage ./internal/compressorExtension.nix { };
    nixShellRc = callPackage ./internal/nixShellRc.nix { };
    hashPart = callPackage ./internal/hashPart.nix { };
    platform = callPackage ./internal/platform.nix { };
    runInVM = callPackage ./internal/runInVM.nix { };
    storePaths = callPackage ./internal/storePaths.nix { };
    streamScript = callPackage ./internal/streamScript.nix { };
    withNormalizedHash =
      lib.fetchers.withNormalizedHash or (callPackage ./internal/withNormalizedHash.nix { });

    buildImage = callPackage ./functions/buildImage.nix { };
    buildImageWithNixDb = callPackage ./functions/buildImageWithNixDb.nix { };
    buildLayeredImage = callPackage ./functions/buildLayeredImage.nix { };
    buildLayeredImageWithNixDb = callPackage ./functions/buildLayeredImageWithNixDb.nix { };
    buildNixShellImage = callPackage ./functions/buildNixShellImage.nix { };
    exportImage = callPackage ./functions/exportImage.nix { };
    mergeDrvs = callPackage ./functions/mergeDrvs.nix { };
    mergeImages = callPackage ./functions/mergeImages.nix { };
    mkPureLayer = callPackage ./functions/mkPureLayer.nix { };
    pullImage = callPackage ./functions/pullImage.nix { };
    mkRootLayer = callPackage ./functions/mkRootLayer.nix { };
    runWithOverlay = callPackage ./functions/runWithOverlay.nix { };
    streamLayeredImage = callPackage ./functions/streamLayeredImage.nix { };
    streamNixShellImage = callPackage ./functions/streamNixShellImage.nix { };
    tarsum = callPackage ./functions/tarsum.nix { };

    # Nothing in these could be faster, so the set's own stay, and ours are for sets without.
    binSh = dockerTools.binSh or (callPackage ./functions/binSh.nix { });
    caCertificates = dockerTools.caCertificates or (callPackage ./functions/caCertificates.nix { });
    inherit fakeNss;
    shadowSetup = dockerTools.shadowSetup or (callPackage ./functions/shadowSetup.nix { });
    shellScript = dockerTools.shellScript or (callPackage ./functions/shellScript.nix { });
    usrBinEnv = dockerTools.usrBinEnv or (callPackage ./functions/usrBinEnv.nix { });
    devShellTools =
      if devShellTools == null then callPackage ./internal/devShellTools.nix { } else devShellTools;

    image = callPackage ./examples/demo.nix { };

    examples = callPackage ./examples { };
    exampleShells = callPackage ./examples/shells.nix { };
    # Not by callPackage, which would put an `override` among the tests.
    tests = import ./functions/tests.nix { inherit lib nixosTests; };
  }
)
