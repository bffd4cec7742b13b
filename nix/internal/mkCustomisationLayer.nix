# The topmost layer of a layered image: links to the contents, and what scripts made beside them.
{
  buildPackages,
  lib,
  mkBuilderDerivation,
  stdenvNoCC,
  storePaths,
}:

{
  # The last part of the image's name.
  baseName,
  # A store path, or a list of them, whose files appear as links at the root of the image.
  contents,
  # Bash that runs in the root of the layer after the links are there.
  extraCommands,
  # Bash that runs there next, as root of fakeroot's making.
  fakeRootCommands,
  # Run `fakeRootCommands` with the layer as `/`.
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

      # The scripts see these as shell variables, and `overrideAttrs` changes them here.
      paths = storePaths contents;
      inherit extraCommands fakeRootCommands;
      # Only a script can use them, so a layer without one does not wait for them.
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
