# Gives an image as an OCI layout: its layers packed, each a file that is called by its digest. With
# `archive`, it is one tar, which Docker loads too.
{
  lib,
  mkAnnotations,
  mkBuilderDerivation,
}:

{
  # What `builder` reads: an archive, a layout, or the description of a streamed image.
  input,
  # The name and the tag of the image. The tag is null if nobody knows it.
  imageName,
  imageTag,
  # The name of the derivation. Null stands for one that is made from that of the image.
  name ? null,
  # The `meta` attributes of the image.
  meta ? { },
  # The version of what is in the image. Null stands for an image that does not say it.
  version ? null,
  # The base image. Null stands for no base image.
  fromImage ? null,
  # The compressor of the layers. Null packs plain layers with `gz`, and keeps packed ones.
  compressor ? null,
  # Whether the layout is one tar.
  archive ? false,
  # The annotations of the manifest and of each layer, by their keys.
  annotations ? { },
  layerAnnotations ? { },
}:

let
  extension = if archive then ".tar" else "";

  allAnnotations = mkAnnotations {
    name = imageName;
    inherit
      annotations
      fromImage
      meta
      version
      ;
  };
in
mkBuilderDerivation {
  command = "oci-layout";
  attributes = finalAttrs: {
    name = if name != null then name else "${baseNameOf imageName}-layout${extension}";

    # A change of this by `overrideAttrs` reaches `builder`.
    inherit imageName;

    ociLayout = {
      image = "${input}";
      annotations = allAnnotations;
      inherit archive compressor layerAnnotations;
    };

    passthru = {
      inherit imageTag;
      isOciLayout = true;
      layout = finalAttrs.finalPackage;
    };

    inherit meta;
  };
}
