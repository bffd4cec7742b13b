# `mkShell`: a derivation for `nix develop`, with the inputs of others and some packages of its own.
{ lib, stdenv }:

{
  name ? "nix-shell",
  packages ? [ ],
  inputsFrom ? [ ],
  buildInputs ? [ ],
  nativeBuildInputs ? [ ],
  shellHook ? "",
  # The other arguments become attributes of the derivation.
  ...
}@arguments:

let
  inputsOf =
    list: own:
    own
    ++ lib.subtractLists inputsFrom (
      lib.concatMap (package: package.${list} or package.drvAttrs.${list} or [ ]) inputsFrom
    );
in
stdenv.mkDerivation (
  removeAttrs arguments [
    "packages"
    "inputsFrom"
  ]
  // {
    inherit name shellHook;
    buildInputs = inputsOf "buildInputs" buildInputs;
    nativeBuildInputs = inputsOf "nativeBuildInputs" (packages ++ nativeBuildInputs);
    phases = [ "buildPhase" ];
    buildPhase = "export > $out";
    preferLocalBuild = true;
  }
)
