# Gives a layer of files that a build can make without the rights of root.
{
  jshon,
  lib,
  mkBuilderDerivation,
  rsync,
  stdenvNoCC,
  storePaths,
  tarsum,
}:

{
  # The name of the layer.
  name,
  # A file with the configuration of the image. The layer's `json` is made from it.
  baseJson,
  # A store path, or a list of store paths, whose contents appear at the root of the layer.
  copyToRoot ? null,
  # Whether a symlink to a directory is kept when a later item has a directory in its place.
  # Otherwise such symlinks become directories.
  keepContentsDirlinks ? false,
  # A Bash script that runs in the root directory of the layer, after the contents are in place.
  extraCommands ? "",
  # The owner of everything in the layer, as a number or as a name.
  uid ? 0,
  # The group of everything in the layer, as a number or as a name.
  gid ? 0,
}:

let
  # Gives the contents in the form that they have as an attribute of a derivation.
  toWords = contents: lib.concatStringsSep " " (storePaths contents);

  splitWords = text: lib.filter (word: word != "") (lib.splitString " " text);
in
mkBuilderDerivation {
  command = "pure-layer";
  attributes =
    finalAttrs:
    let
      hasScript = finalAttrs.extraCommands != "";
    in
    {
      name = "docker-layer-${name}";

      # The script sees these as shell variables. A change of them by `overrideAttrs` reaches
      # `builder`.
      inherit baseJson extraCommands;
      contents = toWords copyToRoot;
      # Only a script can use these programs, so a layer without a script does not wait for them.
      nativeBuildInputs = lib.optionals hasScript [
        jshon
        rsync
        tarsum
      ];

      layer = {
        inherit
          name
          keepContentsDirlinks
          uid
          gid
          ;
        inherit (finalAttrs) extraCommands;
        baseJson = "${finalAttrs.baseJson}";
        copyToRoot = splitWords (toWords finalAttrs.contents);
        shell = if hasScript then stdenvNoCC.shell else null;
      };
    };
}
