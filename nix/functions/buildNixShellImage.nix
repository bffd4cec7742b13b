# The archive of an image that behaves like `nix-shell` for a derivation.
{
  compressorExtension,
  mkLayeredImage,
  streamNixShellImage,
}:

{
  # The derivation whose build environment the image has.
  drv,
  # One of `none`, `gz` and `zstd`.
  compressor ? "gz",
  # The other arguments are those of `streamNixShellImage`, which refuses what it does not know.
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
