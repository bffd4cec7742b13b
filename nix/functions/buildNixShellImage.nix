# Gives the archive of an image that behaves like `nix-shell` for a derivation.
{
  compressorExtension,
  mkLayeredImage,
  streamNixShellImage,
}:

{
  # The derivation whose build environment the image has.
  drv,
  # The compressor of the archive: `none`, `gz` or `zstd`.
  compressor ? "gz",
  # The other arguments are those of `streamNixShellImage`, which refuses an argument that it does
  # not have.
  ...
}@arguments:

mkLayeredImage {
  name = "${drv.name}-env.tar${
    compressorExtension {
      inherit (drv) name;
      inherit compressor;
    }
  }";
  stream = streamNixShellImage (removeAttrs arguments [ "compressor" ]);
  inherit compressor;
}
