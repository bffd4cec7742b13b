# `buildEnv`: the tree one gets by installing packages together, as links. A directory that only
# one package has becomes one link; unlike in `symlinkJoin`, two different files of the same name
# are an error.
{ lib, runCommand }:

lib.makeOverridable (
  {
    name,
    paths,
    manifest ? "",
    checkContents ? true,
    ignoreCollisions ? false,
    ignoreSingleFileOutputs ? false,
    # The directories that are linked, with all below them.
    pathsToLink ? [ "/" ],
    extraOutputsToInstall ? [ ],
    # Put before every name in $out.
    extraPrefix ? "",
    postBuild ? "",
    nativeBuildInputs ? [ ],
    buildInputs ? [ ],
    passthru ? { },
    meta ? { },
  }:
  let
    chosen = lib.concatMap (
      pkg:
      if lib.isDerivation pkg then
        (
          # The outputs its author wants installed, unless one was named.
          if pkg.outputSpecified or false then
            [ pkg ]
          else
            map (output: pkg.${output} or pkg) (pkg.meta.outputsToInstall or [ "out" ])
        )
        ++ lib.concatMap (output: lib.optional (pkg ? ${output}) pkg.${output}) extraOutputsToInstall
      else
        [ pkg ]
    ) (builtins.filter (path: path != null) (lib.flatten paths));

    flag = condition: lib.optionalString condition "1";
  in
  runCommand name
    {
      chosen = lib.unique (map (path: "${path}") chosen);
      ignoreCollisions = flag ignoreCollisions;
      ignoreSingleFileOutputs = flag ignoreSingleFileOutputs;
      checkContents = flag checkContents;
      inherit
        pathsToLink
        extraPrefix
        nativeBuildInputs
        buildInputs
        manifest
        passthru
        meta
        ;
      preferLocalBuild = true;
      allowSubstitutes = false;
    }
    ''
      source ${./build-env.sh}
      ${postBuild}
    ''
)
