# Gives an image archive as `buildImage` does. Nix in the image knows the store paths of
# `copyToRoot` and `config`.
{ buildImage }:

# The arguments of `buildImage`.
arguments:

buildImage (arguments // { includeNixDB = true; })
