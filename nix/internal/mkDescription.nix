# The file that says what a layered image is made of, with the digest of every layer.
{
  hashPart,
  lib,
  mkBuilderDerivation,
}:

{
  # The name of the image, registry prefix included.
  name,
  # Null stands for the hash of the description's output path.
  tag,
  # A file with the image's configuration, architecture and operating system.
  baseJson,
  # The topmost layer.
  customisationLayer,
  # The image to build on, or null.
  fromImage,
  # When the image was made: an RFC 3339 time, or `now`.
  created,
  # The time of every file of the store, likewise.
  mtime,
  # The owner of every file of the store.
  uid,
  # The group of every file of the store.
  gid,
  # The name of that owner.
  uname,
  # The name of that group.
  gname,
  # How many layers the image may have.
  maxLayers,
  # Steps that choose the layers: a list, a file with one as JSON, or null for the default.
  layeringPipeline,
  # Put the closure of the configuration and of the topmost layer into the image.
  includeStorePaths,
  # Explain in the log why the layers are what they are.
  debug,
}:

# No `preferLocalBuild`, which nixpkgs has: here every file of the image is read.
mkBuilderDerivation {
  command = "description";
  attributes =
    finalAttrs:
    {
      name = "${baseNameOf name}-conf.json";

      # `overrideAttrs` changes it here.
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
      };

      passthru.imageTag = if tag != null then tag else hashPart finalAttrs.finalPackage;
    }
    # Nix writes the references and sizes of the closure beside our key, under `graph`.
    // lib.optionalAttrs includeStorePaths {
      exportReferencesGraph.graph = [
        baseJson
        customisationLayer
      ];
    };
}
