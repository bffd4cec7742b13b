# Gives functions that say what a builder finds in its environment, for package sets that do not
# have `devShellTools`.
{ lib, writeText }:

let
  valueToString =
    value:
    if builtins.isList value then
      lib.concatMapStringsSep " " valueToString value
    # `toString` would not copy the path to the store.
    else if builtins.isPath value then
      "${value}"
    else
      toString value;
in
{
  # Gives an attribute of a derivation as the value of an environment variable.
  inherit valueToString;

  # Gives the environment that the attributes of a derivation become, unless they are structured.
  unstructuredDerivationInputEnv =
    { drvAttrs }:
    let
      isFile = name: lib.elem name (drvAttrs.passAsFile or [ ]);
    in
    lib.mapAttrs' (
      name: value:
      if isFile name then
        lib.nameValuePair "${name}Path" "${writeText "pass-as-text-${name}" (valueToString value)}"
      else
        lib.nameValuePair name (valueToString value)
    ) (removeAttrs drvAttrs [ "args" ]);

  # Gives the environment with the paths of the outputs. The paths are plain text, since the outputs
  # need not have been built.
  derivationOutputEnv =
    { outputList, outputMap }:
    lib.genAttrs outputList (
      output: builtins.unsafeDiscardStringContext outputMap.${output}.outPath
    );
}
