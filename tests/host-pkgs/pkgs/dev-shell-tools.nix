# `devShellTools`: the environment that Nix gives to a derivation's builder, as an attribute set of
# strings, for images and shells that imitate a build.
{ lib, writeText }:

let
  valueToString =
    value:
    if builtins.isPath value || lib.isDerivation value then
      "${value}"
    else if builtins.isList value then
      lib.concatMapStringsSep " " valueToString value
    else
      toString value;
in
{
  inherit valueToString;

  # `drvAttrs` of a derivation without structured attributes.
  unstructuredDerivationInputEnv =
    { drvAttrs }:
    let
      inFiles = drvAttrs.passAsFile or [ ];
    in
    lib.mapAttrs' (
      name: value:
      let
        string = valueToString value;
      in
      if builtins.elem name inFiles then
        lib.nameValuePair "${name}Path" "${writeText "pass-as-text-${name}" string}"
      else
        lib.nameValuePair name string
    ) (removeAttrs drvAttrs [ "args" ]);

  derivationOutputEnv =
    { outputList, outputMap }:
    lib.genAttrs outputList (
      output: builtins.unsafeDiscardStringContext outputMap.${output}.outPath
    );
}
