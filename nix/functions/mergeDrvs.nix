# The contents of several derivations in one directory.
{ mkBuilderDerivation, storePaths }:

{
  # A store path, or a list of them: directories, whose contents are copied, but for names at their
  # top that begin with a dot; and tar archives, packed or not, which are unpacked. Later ones win.
  derivations,
  # Write the store paths into a file, and nothing else.
  onlyDeps ? false,
}:

mkBuilderDerivation {
  command = "merge-derivations";
  attributes = finalAttrs: {
    name = "merge-drvs";

    # `overrideAttrs` changes them here.
    derivations = storePaths derivations;
    inherit onlyDeps;

    mergeDerivations = {
      derivations = storePaths finalAttrs.derivations;
      inherit (finalAttrs) onlyDeps;
    };
  };
}
