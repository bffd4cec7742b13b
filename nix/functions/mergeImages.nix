# One archive with all the images of several.
{
  lib,
  mkBuilderDerivation,
  platform,
}:

# Image archives, as `buildImage` makes them, or OCI layouts. The result is compressed like the last one.
images:

mkBuilderDerivation {
  command = "merge";
  attributes = _finalAttrs: {
    name = "merge-docker-images";
    merge = {
      images = map (image: "${image}") (lib.toList images);
      # Which of the images in a layout for several platforms.
      platform = {
        inherit (platform) os architecture variant;
      };
    };
  };
}
