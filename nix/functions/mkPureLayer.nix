# A layer of files that needs no other rights than those of a build.
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
  # A file with the image's configuration, which the layer's `json` starts from.
  baseJson,
  # A store path, or a list of them, whose contents appear at the root of the layer.
  copyToRoot ? null,
  # Keep a symlink to a directory when a later item has that directory too. Otherwise
  # such symlinks become directories.
  keepContentsDirlinks ? false,
  # Bash that runs in the root of the layer after the contents are there.
  extraCommands ? "",
  # The owner of everything in the layer, as a number or a name.
  uid ? 0,
  # The group of everything in the layer, as a number or a name.
  gid ? 0,
}:

let
  # As a derivation's attribute would be.
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

      # The script sees these as shell variables, and `overrideAttrs` changes them here.
      inherit baseJson extraCommands;
      contents = toWords copyToRoot;
      # Only a script can use them, so a layer without one does not wait for them.
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
