# Gives the scope of what the functions share. It is apart from the scope of the functions, so that
# nothing in it gets into `dockerTools`. Each file is named after its attribute; only `limits` has
# no file.
{
  lib,
  # The `newScope` of the scope of the functions. What is overridden there is overridden here, too.
  newScope,
  # Null stands for a package set that does not have it.
  devShellTools,
  # The limits to raise for base images, such as `{ maxLayers = 2000; }`.
  dockerToolsLimits,
}:

lib.makeScope newScope (
  self:
  let
    inherit (self) callPackage;
  in
  {
    checkConfig = callPackage ./checkConfig.nix { };
    checkReference = callPackage ./checkReference.nix { };
    checkTime = callPackage ./checkTime.nix { };
    compressorExtension = callPackage ./compressorExtension.nix { };
    devShellTools =
      if devShellTools == null then callPackage ./devShellTools.nix { } else devShellTools;
    hashPart = callPackage ./hashPart.nix { };
    limits = dockerToolsLimits;
    mkAnnotations = callPackage ./mkAnnotations.nix { };
    mkBaseJson = callPackage ./mkBaseJson.nix { };
    mkBuilderDerivation = callPackage ./mkBuilderDerivation.nix { };
    mkCustomisationLayer = callPackage ./mkCustomisationLayer.nix { };
    mkDbExtraCommand = callPackage ./mkDbExtraCommand.nix { };
    mkDescription = callPackage ./mkDescription.nix { };
    mkLayerClosure = callPackage ./mkLayerClosure.nix { };
    mkLayeredImage = callPackage ./mkLayeredImage.nix { };
    mkLayout = callPackage ./mkLayout.nix { };
    mkOverlayOptions = callPackage ./mkOverlayOptions.nix { };
    mkSplitLayers = callPackage ./mkSplitLayers.nix { };
    nixShellRc = callPackage ./nixShellRc.nix { };
    platform = callPackage ./platform.nix { };
    runInVM = callPackage ./runInVM.nix { };
    storePaths = callPackage ./storePaths.nix { };
    streamScript = callPackage ./streamScript.nix { };
    withNormalizedHash =
      lib.fetchers.withNormalizedHash or (callPackage ./withNormalizedHash.nix { });
  }
)
