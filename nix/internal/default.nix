# The scope of what the functions share. `nix/default.nix` keeps it beside the functions, under the name `internal`, so that none
# of it gets into `dockerTools`. Each file has the attribute of its name; only `limits` has no file.
{
  lib,
  # The `newScope` of the scope that this one belongs to. What is overridden there is overridden here too.
  newScope,
  # Null for a package set that does not have it.
  devShellTools,
  # How much a base image may ask for, where that is more than usual: `{ maxLayers = 2000; }`.
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
    mkBaseJson = callPackage ./mkBaseJson.nix { };
    mkBuilderDerivation = callPackage ./mkBuilderDerivation.nix { };
    mkCustomisationLayer = callPackage ./mkCustomisationLayer.nix { };
    mkDbExtraCommand = callPackage ./mkDbExtraCommand.nix { };
    mkDescription = callPackage ./mkDescription.nix { };
    mkLayerClosure = callPackage ./mkLayerClosure.nix { };
    mkLayeredImage = callPackage ./mkLayeredImage.nix { };
    mkOverlayOptions = callPackage ./mkOverlayOptions.nix { };
    nixShellRc = callPackage ./nixShellRc.nix { };
    platform = callPackage ./platform.nix { };
    runInVM = callPackage ./runInVM.nix { };
    storePaths = callPackage ./storePaths.nix { };
    streamScript = callPackage ./streamScript.nix { };
    withNormalizedHash =
      lib.fetchers.withNormalizedHash or (callPackage ./withNormalizedHash.nix { });
  }
)
