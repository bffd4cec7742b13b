# Gives nixpkgs' own tests of dockerTools. They run in NixOS, and take the functions and the
# examples of the package set, which are ours when the overlay is applied. A package set without
# such tests gives none.
{ lib, nixosTests }:

lib.getAttrs (lib.filter (lib.hasPrefix "docker-tools") (lib.attrNames nixosTests)) nixosTests
