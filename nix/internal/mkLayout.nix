# Gives an image as an OCI layout: its layers packed, each a file that is called by its digest. With
# `archive`, it is one tar, which Docker loads too.
{
  lib,
  mkAnnotations,
  mkBuilderDerivation,
}:

{
  # The image: the result of any function that makes an image or a stream, or the path of an archive
  # or of a layout.
  image,
  # The name of the derivation. Null stands for one that is made from that of the image.
  name,
  # The compressor of the layers. Null packs plain layers with `gz`, and keeps packed ones.
  compressor,
  # Whether the layout is one tar.
  archive,
  # The annotations of the manifest and of each layer, by their keys.
  annotations,
  layerAnnotations,
}:

let
  imageName = image.imageName or "image";

  derivationName =
    if name != null then
      name
    else
      "${baseNameOf imageName}-layout${lib.optionalString archive ".tar"}";

  layout = {
    inherit archive compressor;
    annotations = mkAnnotations {
      name = imageName;
      inherit annotations;
      meta = image.meta or { };
      version = image.version or null;
      fromImage = image.fromImage or image.conf.fromImage or null;
    };
    layerAnnotations = lib.mapAttrs (_key: value: if value == null then "" else value) layerAnnotations;
  };
in
# The result of `buildImage` becomes a layout by itself, without an archive before.
if image ? asLayout then
  image.asLayout {
    name = derivationName;
    inherit layout;
  }
else
  mkBuilderDerivation {
    command = "oci-layout";
    attributes = finalAttrs: {
      name = derivationName;

      ociLayout = {
        # A stream has a description, and its program need not run.
        image = "${image.conf or image}";
        inherit layout;
      };

      passthru = {
        inherit imageName;
        imageTag = image.imageTag or null;
        isOciLayout = true;
        layout = finalAttrs.finalPackage;
      };

      meta = image.meta or { };
    };
  }
