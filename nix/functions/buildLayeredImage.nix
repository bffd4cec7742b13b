# Gives the archive of an image with layers that other images can share.
{
  checkReference,
  compressorExtension,
  lib,
  mkLayeredImage,
  streamLayeredImage,
}:

lib.makeOverridable (
  {
    # The name of the image, with the prefix of its registry if it has one.
    name,
    # The compressor of the archive: `none`, `gz` or `zstd`.
    compressor ? "gz",
    # The `meta` attributes of the derivation.
    meta ? { },
    # The other arguments are those of `streamLayeredImage`, which refuses an argument that it does
    # not have.
    ...
  }@arguments:

  let
    reference = {
      inherit name;
      tag = arguments.tag or null;
    };
  in
  mkLayeredImage {
    name = "${baseNameOf (checkReference reference name)}.tar${compressorExtension { inherit name compressor; }}";
    stream = streamLayeredImage (
      removeAttrs arguments [
        "compressor"
        "meta"
      ]
    );
    inherit compressor meta;
  }
)
