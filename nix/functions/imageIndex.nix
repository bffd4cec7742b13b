# Gives an OCI layout with an index of images for several platforms, of which engines choose the one
# for theirs.
{
  checkReference,
  hashPart,
  lib,
  mkBuilderDerivation,
  ociLayout,
  platform,
}:

{
  # The name of the index, with the prefix of its registry if it has one.
  name,
  # The tag of the index. Null stands for the hash part of the output path.
  tag ? null,
  # The images, as a list of what any function makes that makes images, of paths of archives, and of
  # layouts. Each is for another platform.
  images,
  # Whether the layout is one tar, and not a directory. An engine that reads no index loads the image
  # for the platform of the package set from it.
  archive ? false,
  # The annotations of the index, by their keys, beside those that all images share. Null leaves one
  # out.
  annotations ? { },
  # The `meta` attributes of the derivation.
  meta ? { },
}:

let
  # What is a layout already stays what it is.
  layoutOf = image: image.layout or (ociLayout { inherit image; });
in
checkReference { inherit name tag; } (mkBuilderDerivation {
  command = "image-index";
  attributes =
    finalAttrs:
    let
      finalTag = if finalAttrs.imageTag == "" then null else finalAttrs.imageTag;
    in
    {
      name = "${baseNameOf name}-index${lib.optionalString archive ".tar"}";

      # A change of these by `overrideAttrs` reaches `builder`.
      imageName = lib.toLower name;
      imageTag = lib.optionalString (tag != null) tag;

      imageIndex = {
        name = finalAttrs.imageName;
        tag = finalTag;
        images = map (image: "${layoutOf image}") (lib.toList images);
        annotations = lib.mapAttrs (_key: value: if value == null then "" else value) annotations;
        inherit archive;
        platform = {
          inherit (platform) os architecture variant;
        };
      };

      passthru = {
        inherit images;
        isOciLayout = true;
        layout = finalAttrs.finalPackage;
        imageTag = if finalTag != null then finalTag else hashPart finalAttrs.finalPackage;
      };

      inherit meta;
    };
})
