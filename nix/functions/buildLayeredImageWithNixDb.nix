# A layered image in which Nix knows the store paths of `contents` and `config`.
{ buildLayeredImage }:

# The arguments of `buildLayeredImage`.
arguments:

buildLayeredImage (arguments // { includeNixDB = true; })
