# What a builder finds in its environment, for package sets whose `devShellTools` does not say it.
{ lib, writeText }:

let
  valueToString =
    value:
    if builtins.isList value then
      lib.concatMapStringsSep " " valueToString value
    # `toString` would not copy it to the store.
    else if builtins.isPath value then
      "${value}"
    else
      toString value;
in
{
  # An attribute of a derivation as an environment variable.
  inherit valueToString;

  # The environment that the attributes of a derivation become, unless they are structured.
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

  # The environment that says where the outputs go. Nothing is there yet, so it is text only.
  derivationOutputEnv =
    { outputList, outputMap }:
    lib.genAttrs outputList (
      output: builtins.unsafeDiscardStringContext outputMap.${output}.outPath
    );
}
