# The project for those without flakes: `builder`, our `dockerTools` and a demo image.
{
  pkgs ? import <nixpkgs> { },
}:

let
  overlay = import ./nix/overlay.nix;
  withOverlay = pkgs.extend overlay;
  scope = withOverlay.callPackage ./nix { };
in
{
  inherit (scope) builder image;
  inherit (withOverlay) dockerTools;
  inherit overlay;
}
