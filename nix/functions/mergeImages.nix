# Gives one archive with the images of several archives.
{
  lib,
  mkBuilderDerivation,
  ociLayout,
  platform,
}:

# The images, as a list of archives as `buildImage` writes them, or of OCI layouts. The result is
# compressed like the last one.
images:

mkBuilderDerivation {
  command = "merge";
  attributes = finalAttrs: {
    name = "merge-docker-images";
    merge = {
      images = map (image: "${image}") (lib.toList images);
      # The platform that chooses an image in an OCI layout for several platforms.
      platform = {
        inherit (platform) os architecture variant;
      };
    };
    passthru.layout = ociLayout { image = finalAttrs.finalPackage; };
  };
}
