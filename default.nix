# Gives everything of the project on one package set. The flake uses it, and so can those without
# flakes.
{
  pkgs ? import <nixpkgs> { },
}:

let
  overlay = import ./nix/overlay.nix;
  extended = pkgs.extend overlay;
  scope = extended.callPackage ./nix { };
  image = extended.callPackage ./nix/examples/demo.nix {
    inherit (extended.dockerTools) buildImage;
  };
in
{
  inherit overlay;
  inherit (extended) dockerTools;
  inherit (scope) builder;
  inherit image;

  checks = import ./nix/dev/checks.nix {
    inherit image pkgs;
    inherit (scope) builder;
  };
  devShell = extended.callPackage ./nix/dev/devShell.nix { inherit (scope) builder; };
}
