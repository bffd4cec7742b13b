# Gives one directory with the contents of several derivations.
{ mkBuilderDerivation, storePaths }:

{
  # A store path, or a list of store paths. Of a directory, the contents are copied, except for
  # names at its top that begin with a dot. A tar archive, compressed or not, is unpacked. A later
  # file replaces an earlier one.
  derivations,
  # Whether the result is only a file that lists the store paths.
  onlyDeps ? false,
}:

mkBuilderDerivation {
  command = "merge-derivations";
  attributes = finalAttrs: {
    name = "merge-drvs";

    # A change of these by `overrideAttrs` reaches `builder`.
    derivations = storePaths derivations;
    inherit onlyDeps;

    mergeDerivations = {
      derivations = storePaths finalAttrs.derivations;
      inherit (finalAttrs) onlyDeps;
    };
  };
}
