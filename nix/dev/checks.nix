# What `nix flake check` builds: the program, the demo image, and the evaluation tests.
{
  builder,
  image,
  # The package set without our overlay.
  pkgs,
}:

let
  inherit (pkgs) lib;

  tests = import ../../tests/nix { inherit pkgs; };

  # Nix cannot look at a message from within; `tests/nix/run` checks those too.
  comparisons = lib.filterAttrs (_name: test: test ? expected && !(test ? expectedWarning)) tests;

  # Compared as JSON, in which a derivation is its output path.
  failed = lib.filterAttrs (
    _name: test: builtins.toJSON test.expr != builtins.toJSON test.expected
  ) comparisons;
in
{
  inherit builder image;

  # Evaluation does the work; what is built is only the sign that it came this far.
  evaluation = lib.throwIf (
    failed != { }
  ) "checks: `tests/nix/run` shows why these fail: ${toString (lib.attrNames failed)}" pkgs.emptyFile;
}
