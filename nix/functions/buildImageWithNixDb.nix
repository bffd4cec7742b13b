# An image in which Nix knows the store paths of `copyToRoot` and `config`.
{ buildImage }:

# The arguments of `buildImage`.
arguments:

buildImage (arguments // { includeNixDB = true; })
