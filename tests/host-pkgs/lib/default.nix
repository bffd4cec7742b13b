# The functions of nixpkgs' `lib` that the code under nix/ may use, and no others, so that a
# test fails when nix/ reaches for something outside this list. No input; gives the set, with
# the functions both at the top and under their usual groups (`lib.strings`, `lib.lists`, …).
let
  call = file: import file lib;

  trivial = call ./trivial.nix;
  fixedPoints = call ./fixed-points.nix;
  lists = call ./lists.nix;
  strings = call ./strings.nix;
  attrsets = call ./attrsets.nix;
  asserts = call ./asserts.nix;
  customisation = call ./customisation.nix;
  meta = call ./meta.nix;
  sources = call ./sources.nix;

  # nixpkgs has these in their groups only.
  groupedOnly = [
    "escapeNixString"
    "isConvertibleWithToString"
    "release"
    "sanitizeDerivationName"
    "storeDir"
  ];

  lib =
    removeAttrs (trivial // strings) groupedOnly
    // fixedPoints
    // lists
    // attrsets
    // asserts
    // customisation
    // meta
    // sources
    // {
      inherit
        trivial
        fixedPoints
        lists
        strings
        attrsets
        asserts
        customisation
        meta
        sources
        ;
      derivations = { inherit (customisation) extendDerivation; };
      fakeHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
      fakeSha256 = strings.replicate 64 "0";
      fakeSha512 = strings.replicate 128 "0";
      fetchers = call ./fetchers.nix;
      fileset = call ./fileset.nix;
      licenses = call ./licenses.nix;
      maintainers = { };
      teams = { };
      platforms = call ./platforms.nix;
      systems = call ./systems.nix;
      versions = call ./versions.nix;
    };
in
lib
