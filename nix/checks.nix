# What `nix flake check` builds: the program, the demo image, and the evaluation tests.
{
  builder,
  emptyFile,
  image,
  lib,
  # The package set without our overlay.
  pkgs,
}:

let
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
  inherit builder image;

  # Evaluation does the work; what is built is only the sign that it came this far.
  evaluation = lib.throwIf (
    failed != { }
  ) "checks: `tests/nix/run` shows why these fail: ${toString (lib.attrNames failed)}" emptyFile;
}
