# The demo image, nix/examples/demo.nix, on this machine's Debian packages. With nixpkgs in reach
# `nix build .#image` builds the same image from nixpkgs' packages.
{
  pkgs ? import ../tests/host-pkgs { },
}:

import ../default.nix { inherit pkgs; }
