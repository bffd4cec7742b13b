# Gives an image as an OCI layout, which skopeo, podman, containerd, registries and scanners read.
# Nothing of it has to be packed again when it is sent.
{
  compressorExtension,
  lib,
  mkLayout,
}:

arguments@{
  # The image: the result of any function that makes an image or a stream, or the path of an archive
  # or of a layout.
  image,
  # The compressor of the layers: `none`, `gz` or `zstd`. Layers of the base image that are packed
  # already stay as they are, and so do those of a layout if this is not given.
  compressor ? "gz",
  # Whether the layout is one tar, and not a directory. It is a docker archive at the same time.
  archive ? false,
  # The annotations of the image's manifest, by their keys. Null leaves one out that Nix knows.
  annotations ? { },
  # The annotations of every layer, by their keys.
  layerAnnotations ? { },
  # The name of the derivation. Null stands for one that is made from that of the image.
  name ? null,
}:

lib.seq
  (compressorExtension {
    name = image.imageName or "image";
    inherit compressor;
  })
  (mkLayout {
    inherit
      image
      name
      archive
      annotations
      layerAnnotations
      ;
    compressor = if arguments ? compressor then compressor else null;
  })
