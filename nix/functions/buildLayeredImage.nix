# The archive of an image with layers that other images share.
{
  checkReference,
  compressorExtension,
  lib,
  mkLayeredImage,
  streamLayeredImage,
}:

lib.makeOverridable (
  {
    # The image name, registry prefix included.
    name,
    # One of `none`, `gz` and `zstd`.
    compressor ? "gz",
    # The `meta` of the derivation.
    meta ? { },
    # The other arguments are those of `streamLayeredImage`, which refuses what it does not know.
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
