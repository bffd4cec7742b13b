# Everything of the project on one package set, for those without flakes and for the flake.
{
  pkgs ? import <nixpkgs> { },
}:

let
  overlay = import ./nix/overlay.nix;
  extended = pkgs.extend overlay;
  scope = extended.callPackage ./nix { };
in
{
  inherit overlay;
  inherit (extended) dockerTools;
  inherit (scope) builder image;

  checks = import ./nix/dev/checks.nix {
    inherit pkgs;
    inherit (scope) builder image;
  };
  devShell = extended.callPackage ./nix/dev/devShell.nix { inherit (scope) builder; };
}
