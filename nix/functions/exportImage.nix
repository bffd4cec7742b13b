# The files of an image as one flat tar, without a virtual machine.
{ mkBuilderDerivation, platform }:

{
  # The name of the derivation.
  name ? fromImage.name,
  # The image archive, as `docker save` or `buildImage` writes it.
  fromImage,
  # Which image of `fromImage`; null stands for the first.
  fromImageName ? null,
  # The tag of the image of `fromImage`; null stands for the first image.
  fromImageTag ? null,
  # Without effect: there is no virtual machine whose disk could be too small.
  diskSize ? 1024,
}:

mkBuilderDerivation {
  command = "export";
  attributes = _finalAttrs: {
    inherit name;
    export = {
      fromImage = "${fromImage}";
      inherit fromImageName fromImageTag;
      # Which of the images in a layout for several platforms.
      platform = {
        inherit (platform) os architecture variant;
      };
    };
  };
}
