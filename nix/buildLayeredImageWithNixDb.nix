# A layered image in which Nix knows the store paths of `contents`.
{ buildLayeredImage }:

# The arguments of `buildLayeredImage`.
arguments:

buildLayeredImage (arguments // { includeNixDB = true; })
