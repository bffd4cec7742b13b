# The scope in which every function of this folder is made, so that `overrideScope`
# reaches all of them. One file per attribute, named like it.
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

    checkConfig = callPackage ./checkConfig.nix { };
    checkReference = callPackage ./checkReference.nix { };
    checkTime = callPackage ./checkTime.nix { };
    mkBuilderDerivation = callPackage ./mkBuilderDerivation.nix { };
    mkBaseJson = callPackage ./mkBaseJson.nix { };
    mkCustomisationLayer = callPackage ./mkCustomisationLayer.nix { };
    mkDbExtraCommand = callPackage ./mkDbExtraCommand.nix { };
    mkDescription = callPackage ./mkDescription.nix { };
    mkLayerClosure = callPackage ./mkLayerClosure.nix { };
    mkLayeredImage = callPackage ./mkLayeredImage.nix { };
    mkOverlayOptions = callPackage ./mkOverlayOptions.nix { };
    limits = dockerToolsLimits;
    compressorExtension = callPackage ./compressorExtension.nix { };
    nixShellRc = callPackage ./nixShellRc.nix { };
    outputHash = callPackage ./outputHash.nix { };
    platform = callPackage ./platform.nix { };
    runInVM = callPackage ./runInVM.nix { };
    storePaths = callPackage ./storePaths.nix { };
    streamScript = callPackage ./streamScript.nix { };
    withNormalizedHash =
      lib.fetchers.withNormalizedHash or (callPackage ./withNormalizedHash.nix { });

    buildImage = callPackage ./buildImage.nix { };
    buildImageWithNixDb = callPackage ./buildImageWithNixDb.nix { };
    buildLayeredImage = callPackage ./buildLayeredImage.nix { };
    buildLayeredImageWithNixDb = callPackage ./buildLayeredImageWithNixDb.nix { };
    buildNixShellImage = callPackage ./buildNixShellImage.nix { };
    exportImage = callPackage ./exportImage.nix { };
    mergeDrvs = callPackage ./mergeDrvs.nix { };
    mergeImages = callPackage ./mergeImages.nix { };
    mkPureLayer = callPackage ./mkPureLayer.nix { };
    pullImage = callPackage ./pullImage.nix { };
    mkRootLayer = callPackage ./mkRootLayer.nix { };
    runWithOverlay = callPackage ./runWithOverlay.nix { };
    streamLayeredImage = callPackage ./streamLayeredImage.nix { };
    streamNixShellImage = callPackage ./streamNixShellImage.nix { };
    tarsum = callPackage ./tarsum.nix { };

    # Nothing in these could be faster, so the set's own stay, and ours are for sets without.
    binSh = dockerTools.binSh or (callPackage ./binSh.nix { });
    caCertificates = dockerTools.caCertificates or (callPackage ./caCertificates.nix { });
    inherit fakeNss;
    shadowSetup = dockerTools.shadowSetup or (callPackage ./shadowSetup.nix { });
    shellScript = dockerTools.shellScript or (callPackage ./shellScript.nix { });
    usrBinEnv = dockerTools.usrBinEnv or (callPackage ./usrBinEnv.nix { });
    devShellTools =
      if devShellTools == null then callPackage ./devShellTools.nix { } else devShellTools;

    image = callPackage ./image.nix { };

    examples = callPackage ./examples.nix { };
    exampleShells = callPackage ./exampleShells.nix { };
    # Not by callPackage, which would put an `override` among the tests.
    tests = import ./tests.nix { inherit lib nixosTests; };
  }
)
