# Gives a file with the archive that the program of a streamed image would write.
{ mkBuilderDerivation, ociLayout }:

{
  # The name of the derivation.
  name,
  # The result of `streamLayeredImage`.
  stream,
  # The compressor of the archive: `none`, `gz` or `zstd`.
  compressor,
  # The `meta` attributes of the derivation.
  meta ? { },
}:

mkBuilderDerivation {
  command = "layered-image";
  attributes = finalAttrs: {
    inherit name meta;
    inherit (stream) imageName;

    # The program is not run, so the image depends on the description alone.
    layeredImage = {
      conf = "${stream.conf}";
      inherit compressor;
    };

    passthru = {
      inherit (stream) conf imageTag;
      inherit stream;
      layout = ociLayout { image = finalAttrs.finalPackage; };
    };
  };
}
