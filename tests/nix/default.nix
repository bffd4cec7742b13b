# The evaluation tests: a sentence about behaviour -> { expr; expected; }, or what the error
# or the warning must say: { expr; expectedError; }, { expr; expected; expectedWarning; }.
# `run` runs them on any package set.
{
  # The package set without our overlay.
  pkgs ? import <nixpkgs> { },
}:

let
  inherit (pkgs) lib;

  overlay = import ../../nix/overlay.nix;

  inputs = {
    inherit lib overlay pkgs;
    inherit (pkgs.extend overlay) callPackage dockerTools;
  };

  isSubject = name: lib.hasSuffix ".nix" name && name != "default.nix";
  subjects = lib.filter isSubject (lib.attrNames (builtins.readDir ./.));
  testsOf =
    subject:
    let
      tests = import (./. + "/${subject}");
    in
    lib.attrsToList (tests (builtins.intersectAttrs (lib.functionArgs tests) inputs));
in
# A name that two subjects use fails here instead of hiding a test.
lib.foldl' (
  tests: test:
  lib.throwIf (tests ? ${test.name}) "tests/nix: two tests are called `${test.name}`" (
    tests // { ${test.name} = test.value; }
  )
) { } (lib.concatMap testsOf subjects)
