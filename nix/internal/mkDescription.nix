# Gives the description of a layered image: a file that says what the image is made of, with the
# digest of every layer.
{
  hashPart,
  lib,
  mkBuilderDerivation,
}:

{
  # The name of the image, with the prefix of its registry if it has one.
  name,
  # The tag of the image. Null stands for the hash part of the description's output path.
  tag,
  # A file with the `config` of the image, its architecture and its operating system.
  baseJson,
  # The topmost layer, as `mkCustomisationLayer` gives it.
  customisationLayer,
  # The base image, or null.
  fromImage,
  # The layers that `buildLayer` made, lowest first.
  layers,
  # The creation time of the image: an RFC 3339 time, or `now`.
  created,
  # The modification time of every file from the store: an RFC 3339 time, or `now`.
  mtime,
  # The owner of every file from the store.
  uid,
  # The group of every file from the store.
  gid,
  # The name of the owner.
  uname,
  # The name of the group.
  gname,
  # The number of layers that the image may have.
  maxLayers,
  # The steps that choose the layers, as a list or as a JSON file with a list. Null stands for the
  # default steps.
  layeringPipeline,
  # Whether the image contains the closure of `baseJson` and of the topmost layer.
  includeStorePaths,
  # Whether the log explains how the layers were chosen.
  debug,
  # Whether the file has the store paths of each layer, and nothing else.
  layersOnly ? false,
}:

# nixpkgs has `preferLocalBuild` here. We do not, since this derivation reads every file of the
# image.
mkBuilderDerivation {
  command = "description";
  attributes =
    finalAttrs:
    {
      name = "${baseNameOf name}-${if layersOnly then "layers" else "conf"}.json";

      # A change of this by `overrideAttrs` reaches `builder`.
      imageName = lib.toLower name;

      description = {
        name = finalAttrs.imageName;
        inherit
          tag
          created
          mtime
          uid
          gid
          uname
          gname
          maxLayers
          includeStorePaths
          debug
          ;
        baseJson = "${baseJson}";
        customisationLayer = "${customisationLayer}";
        fromImage = if fromImage == null then null else "${fromImage}";
        layeringPipeline =
          if layeringPipeline == null || lib.isList layeringPipeline then
            layeringPipeline
          else
            "${layeringPipeline}";
        inherit (builtins) storeDir;
      }
      // lib.optionalAttrs (layers != [ ]) { layers = map (layer: "${layer}") layers; }
      // lib.optionalAttrs layersOnly { inherit layersOnly; };

      passthru.fromImage = fromImage;
      passthru.imageTag = if tag != null then tag else hashPart finalAttrs.finalPackage;
    }
    # Nix writes the references and sizes of the closure beside our key, under the key `graph`.
    // lib.optionalAttrs includeStorePaths {
      exportReferencesGraph.graph = [
        baseJson
        customisationLayer
      ];
    };
}
