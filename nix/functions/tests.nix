# nixpkgs' own tests of these functions. They take the functions and the examples of the package set,
# so with the overlay they test ours, in NixOS. None where the package set has no such tests.
{ lib, nixosTests }:

lib.getAttrs (lib.filter (lib.hasPrefix "docker-tools") (lib.attrNames nixosTests)) nixosTests
