# The images that `run` builds: nixpkgs' cases, and some of ours that have no golden description.
{
  pkgs ? import ../host-pkgs { overlays = [ (import ../../nix/overlay.nix) ]; },
  # The same with the virtual machines of nixpkgs since March 2026.
  structured ? import ../host-pkgs {
    overlays = [ (import ../../nix/overlay.nix) ];
    config.vmStructuredAttrs = true;
  },
  # Something new each time, for what must not come from an earlier build.
  nonce ? "",
}:

let
  inherit (pkgs) dockerTools lib;

  # All cases, of the package set `pkgs`.
  casesOf =
    pkgs:
    lib.mapAttrs' (file: _: {
      name = lib.removeSuffix ".nix" file;
      value = import (./cases + "/${file}") {
        inherit (pkgs) dockerTools lib;
        fixtures = import ./fixtures.nix;
      };
    }) (builtins.readDir ./cases);

  cases = casesOf pkgs;

  inMachine =
    name:
    lib.hasPrefix "c" name && !lib.hasInfix "-export" name
    || lib.elem name [
      "e14-nixdb-root"
      "x25-root-fails"
      "x26-root-disk-full"
    ];

  empty = cases.a01-empty;
  one = cases.a02-one;
  compressed = compressor: image: image.override { inherit compressor; };
  tagged = tag: image: image.override { inherit tag; };

  # What `mergeImages` gets.
  merges = {
    two = [
      empty
      one
    ];
    one-alone = [ one ];
    shared-layers = [
      cases.a08-from-two-level
      cases.a07-from
      one
    ];
    none-last = [
      one
      (compressed "none" empty)
    ];
    zstd-last = [
      (compressed "none" one)
      (compressed "zstd" cases.a22-odd)
    ];
    gz-last = [
      (compressed "zstd" one)
      (compressed "none" cases.a05-extra-commands)
      empty
    ];
    same-name = [
      cases.a03-overlap-k
      cases.a04-overlap-keep
      cases.a04b-overlap-order
    ];
    same-image-two-tags = [
      one
      (tagged "other" one)
    ];
  };
in
{
  inherit cases;

  # The cases that take a virtual machine, with one of the other shape.
  structured = lib.filterAttrs (name: _: inMachine name) (casesOf structured);

  merges = lib.mapAttrs (_: inputs: {
    inherit inputs;
    image = dockerTools.mergeImages inputs;
  }) merges;

  # Whatever the compressor, the archive within is the same.
  compressors = lib.genAttrs [
    "none"
    "gz"
    "zstd"
  ] (compressor: compressed compressor cases.a22-odd);

  tags = {
    override = tagged "other" one;
    overrideAttrs = one.overrideAttrs (_: {
      imageTag = "other";
    });
  };

  now = dockerTools.buildImage {
    name = "now";
    tag = "now";
    created = "now";
    config.Labels = { inherit nonce; };
  };
}
