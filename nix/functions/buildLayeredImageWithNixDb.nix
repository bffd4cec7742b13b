# Gives an image archive as `buildLayeredImage` does. Nix in the image knows the store paths of
# `contents` and `config`.
{ buildLayeredImage }:

# The arguments of `buildLayeredImage`.
arguments:

buildLayeredImage (arguments // { includeNixDB = true; })
