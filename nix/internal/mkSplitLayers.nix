# Gives the automatic layers of an image as a list of derivations, one for each, as `buildLayer` makes
# them. Which store paths share a layer is read while Nix evaluates, from the output of a derivation.
# A layer is called by its store paths alone, so that one that stays what it was is not made again.
{
  lib,
  mkBuilderDerivation,
  mkDescription,
}:

{
  # The arguments of `mkDescription`.
  description,
  # The compressor that packs the layers.
  compressor,
}:

let
  plan = mkDescription (description // { layersOnly = true; });

  # The output names the store paths, and so has them as references: they are there once it is.
  groups = builtins.fromJSON (builtins.unsafeDiscardStringContext (builtins.readFile plan));
  withContext = path: builtins.appendContext path { ${path}.path = true; };

  mkLayer =
    paths:
    mkBuilderDerivation {
      command = "build-layer";
      attributes = _finalAttrs: {
        name = "layer";
        buildLayer = {
          name = "layer";
          root = null;
          storePaths = map withContext paths;
          layers = [ ];
          inherit compressor;
          inherit (description)
            uid
            gid
            uname
            gname
            mtime
            ;
        };
      };
    };
in
map mkLayer groups
