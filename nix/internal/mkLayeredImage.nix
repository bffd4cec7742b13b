# The archive that a streamed image's program would write, as a file.
{ mkBuilderDerivation }:

{
  # The name of the output.
  name,
  # The result of `streamLayeredImage`.
  stream,
  # One of `none`, `gz` and `zstd`.
  compressor,
  # The `meta` of the derivation.
  meta ? { },
}:

mkBuilderDerivation {
  command = "layered-image";
  attributes = _finalAttrs: {
    inherit name meta;
    inherit (stream) imageName;

    # The program is not run, so the image does not wait for it.
    layeredImage = {
      conf = "${stream.conf}";
      inherit compressor;
    };

    passthru = {
      inherit (stream) conf imageTag;
      inherit stream;
    };
  };
}
