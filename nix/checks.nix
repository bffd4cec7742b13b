# What `nix flake check` builds: the program, the demo image, and the evaluation tests.
{
  callPackage,
  emptyFile,
  lib,
  pkgs,
}:

let
  scope = callPackage ./default.nix { inherit (pkgs) dockerTools; };
  tests = import ../tests/nix { inherit pkgs; };

  holds =
    test:
    let
      result = builtins.tryEval (builtins.deepSeq test.expr test.expr);
    in
    if test ? expectedError then !result.success else result.success && result.value == test.expected;

  failed = lib.filterAttrs (_name: test: !(holds test)) tests;
in
{
  inherit (scope) builder image;

  # Evaluation does the work; what is built is only the sign that it came this far.
  evaluation = lib.throwIf (
    failed != { }
  ) "nix/checks.nix: tests/nix/run shows why these fail: ${toString (lib.attrNames failed)}" emptyFile;
}
