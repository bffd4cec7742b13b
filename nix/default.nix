# The scope in which every function of this folder is made, so that `overrideScope`
# reaches all of them. One file per attribute, named like it.
{
  lib,
  newScope,
  buildPackages,
  # The `dockerTools` that ours takes the place of; what is not ours yet comes from there.
  dockerTools ? { },
}:

lib.makeScope newScope (
  self:
  let
    inherit (self) callPackage;
  in
  {
    # It runs where the image is built, whatever platform the image is for.
    builder = buildPackages.callPackage ./package.nix { };

    mkBuilderDerivation = callPackage ./mkBuilderDerivation.nix { };
    mkBaseJson = callPackage ./mkBaseJson.nix { };
    mkDbExtraCommand = callPackage ./mkDbExtraCommand.nix { };
    mkLayerClosure = callPackage ./mkLayerClosure.nix { };
    mkRootLayer =
      dockerTools.mkRootLayer or (throw ''
        buildImage: `runAsRoot` needs `dockerTools.mkRootLayer`, which this package set does not
        have; put the commands into `extraCommands`, or take nixpkgs as the package set.
      '');
    compressorExtension = callPackage ./compressorExtension.nix { };
    platform = callPackage ./platform.nix { };

    buildImage = callPackage ./buildImage.nix { };
    buildImageWithNixDb = callPackage ./buildImageWithNixDb.nix { };
    mergeImages = callPackage ./mergeImages.nix { };
    mkPureLayer = callPackage ./mkPureLayer.nix { };

    image = callPackage ./image.nix { };
  }
)
