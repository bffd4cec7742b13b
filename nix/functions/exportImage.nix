# Gives the files of an image as one flat tar. It needs no virtual machine.
{ mkBuilderDerivation, platform }:

{
  # The name of the derivation.
  name ? fromImage.name,
  # The image: an archive as `docker save` or `buildImage` writes it, or an OCI layout as an archive
  # or a directory.
  fromImage,
  # The name of the image to take from `fromImage`. Null stands for the first image.
  fromImageName ? null,
  # The tag of the image to take from `fromImage`. Null stands for the first image.
  fromImageTag ? null,
  # This has no effect, since there is no virtual machine whose disk could be too small.
  diskSize ? 1024,
}:

mkBuilderDerivation {
  command = "export";
  attributes = _finalAttrs: {
    inherit name;
    export = {
      fromImage = "${fromImage}";
      inherit fromImageName fromImageTag;
      # The platform that chooses an image in an OCI layout for several platforms.
      platform = {
        inherit (platform) os architecture variant;
      };
    };
  };
}
