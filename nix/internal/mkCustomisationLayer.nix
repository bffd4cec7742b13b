# Gives the topmost layer of a layered image: symlinks to the contents, and what scripts made beside
# them.
{
  buildPackages,
  lib,
  mkBuilderDerivation,
  stdenvNoCC,
  storePaths,
}:

{
  # The part of the image's name after the last slash.
  baseName,
  # A store path, or a list of store paths, whose files appear as symlinks at the root of the image.
  contents,
  # A Bash script that runs in the root directory of the layer, after the symlinks are in place.
  extraCommands,
  # A Bash script that runs there next, under fakeroot.
  fakeRootCommands,
  # Whether `fakeRootCommands` runs under proot, with the layer as `/`.
  enableFakechroot,
}:

mkBuilderDerivation {
  command = "customisation-layer";
  attributes =
    finalAttrs:
    let
      needsRoot = finalAttrs.fakeRootCommands != "" || enableFakechroot;
      needsShell = finalAttrs.extraCommands != "" || needsRoot;
      programOf = name: lib.getExe' buildPackages.${name} name;
    in
    {
      name = "${baseName}-customisation-layer";

      # The scripts see these as shell variables. A change of them by `overrideAttrs` reaches
      # `builder`.
      paths = storePaths contents;
      inherit extraCommands fakeRootCommands;
      # Only a script can use these programs, so a layer without a script does not wait for them.
      nativeBuildInputs =
        lib.optional needsShell buildPackages.fakeroot
        ++ lib.optional enableFakechroot buildPackages.proot;

      customisation = {
        name = baseName;
        contents = storePaths finalAttrs.paths;
        inherit (finalAttrs) extraCommands fakeRootCommands;
        inherit enableFakechroot;
        inherit (builtins) storeDir;
        shell = if needsShell then stdenvNoCC.shell else null;
        fakeroot = if needsRoot then programOf "fakeroot" else null;
        proot = if enableFakechroot then programOf "proot" else null;
      };
    };
}
