# One archive with all the images of several.
{ lib, mkBuilderDerivation }:

# Image archives, as `buildImage` makes them. The result is compressed like the last one.
images:

mkBuilderDerivation {
  command = "merge";
  attributes = _finalAttrs: {
    name = "merge-docker-images";
    merge.images = map (image: "${image}") (lib.toList images);
  };
}
