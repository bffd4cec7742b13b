# Gives a layer as a derivation of its own, which any number of images may have: `layers` of
# `streamLayeredImage` and `buildLayeredImage`. It is made once, and no image that has it makes it
# again.
{
  checkTime,
  compressorExtension,
  lib,
  mkBuilderDerivation,
  mkCustomisationLayer,
  mkPureLayer,
  storePaths,
  writeText,
}:

{
  # The name of the derivation.
  name ? "layer",
  # A store path, or a list of store paths, whose files appear as symlinks at the root of the image.
  # Their closure is in the layer.
  contents ? [ ],
  # A store path, or a list of store paths, whose files are copied to the root of the image. The
  # closure of what they refer to is in the layer.
  copyToRoot ? [ ],
  # A store path, or a list of store paths, whose closure is in the layer. Nothing appears at the
  # root of the image.
  paths ? [ ],
  # The layers below this one, as this function gives them. What is in these is not in it.
  layers ? [ ],
  # A Bash script that runs in the root directory of the layer, after the contents are in place.
  extraCommands ? "",
  # A Bash script that runs there next, under fakeroot. It can set owners and modes.
  fakeRootCommands ? "",
  # The compressor that packs the layer, for layouts: `none`, `gz` or `zstd`. Null does not pack it,
  # and an image packs it whenever it needs to.
  compressor ? null,
  # The modification time of every file from the store: an RFC 3339 time.
  mtime ? "1970-01-01T00:00:01Z",
  # The owner of every file from the store.
  uid ? 0,
  # The group of every file from the store.
  gid ? 0,
  # The name of the owner.
  uname ? "root",
  # The name of the group.
  gname ? "root",
}:

let
  isLinked = storePaths contents != [ ] || extraCommands != "" || fakeRootCommands != "";
  isCopied = storePaths copyToRoot != [ ];

  linked = mkCustomisationLayer {
    baseName = name;
    inherit contents extraCommands fakeRootCommands;
    enableFakechroot = false;
  };

  copied = mkPureLayer {
    inherit name copyToRoot extraCommands;
    baseJson = writeText "${name}-base.json" "{}";
  };

  root =
    if isCopied then
      copied
    else if isLinked then
      linked
    else
      null;
in
lib.throwIf (isCopied && (storePaths contents != [ ] || fakeRootCommands != ""))
  "buildLayer: layer `${name}` has `copyToRoot`, which goes neither with `contents` nor with `fakeRootCommands`; make a layer of each."
  (lib.seq (if compressor == null then null else compressorExtension { inherit name compressor; }))
  (mkBuilderDerivation {
    command = "build-layer";
    attributes = _finalAttrs: {
      inherit name;

      buildLayer = {
        inherit
          name
          compressor
          uid
          gid
          uname
          gname
          ;
        root = if root == null then null else "${root}";
        storePaths = null;
        layers = map (layer: "${layer}") layers;
        mtime = checkTime {
          inherit name;
          argument = "mtime";
          value = mtime;
        };
      };

      # Nix writes the closure beside our key, under the key `graph`.
      exportReferencesGraph.graph = storePaths paths ++ lib.optional (root != null) root;

      passthru = {
        # What a Nix database in an image with this layer lists.
        storePaths = storePaths [
          contents
          copyToRoot
          paths
        ];
        inherit layers;
      };
    };
  })
