# Gives what `nix flake check` builds: the program, the demo image and the evaluation tests.
{
  builder,
  image,
  # The package set without our overlay.
  pkgs,
}:

let
  inherit (pkgs) lib;

  tests = import ../../tests/nix { inherit pkgs; };

  # A Nix expression cannot read the messages of another, so tests of messages are left to
  # `tests/nix/run`.
  comparisons = lib.filterAttrs (_name: test: test ? expected && !(test ? expectedWarning)) tests;

  # Both are compared as JSON, in which a derivation is its output path.
  failed = lib.filterAttrs (
    _name: test: builtins.toJSON test.expr != builtins.toJSON test.expected
  ) comparisons;
in
{
  inherit builder image;

  # The evaluation does the work. The empty file that is built only shows that it succeeded.
  evaluation = lib.throwIf (
    failed != { }
  ) "checks: `tests/nix/run` shows why these fail: ${toString (lib.attrNames failed)}" pkgs.emptyFile;
}
