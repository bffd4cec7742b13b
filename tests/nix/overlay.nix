{
  dockerTools,
  lib,
  overlay,
  pkgs,
}:

let
  # A set like nixpkgs' own: a function of ours, one that is not, and a way to call it again.
  theirs = flavour: {
    buildImage = "theirs";
    # Of a nixpkgs to come.
    unheardOf = flavour;
    override = { flavour }: theirs flavour;
  };
  over = prev: (overlay pkgs ({ inherit lib; } // prev)).dockerTools;
  ours = over { dockerTools = theirs "plain"; };

  # What nixpkgs' dockerTools does not have.
  added = [
    "buildLayer"
    "imageIndex"
    "ociLayout"
  ];

  # All that nixpkgs' dockerTools has, and ours.
  names = lib.sort builtins.lessThan (nixpkgs ++ added);
  nixpkgs = [
    "binSh"
    "buildImage"
    "buildImageWithNixDb"
    "buildLayeredImage"
    "buildLayeredImageWithNixDb"
    "buildNixShellImage"
    "caCertificates"
    "examples"
    "exportImage"
    "fakeNss"
    "mergeDrvs"
    "mergeImages"
    "mkPureLayer"
    "mkRootLayer"
    "pullImage"
    "runWithOverlay"
    "shadowSetup"
    "shellScript"
    "streamLayeredImage"
    "streamNixShellImage"
    "tarsum"
    "tests"
    "usrBinEnv"
  ];
in
{
  "what is not ours passes through" = {
    expr = ours.unheardOf;
    expected = "plain";
  };

  "what is ours takes the other's place" = {
    expr = lib.isString (ours.buildImage { name = "x"; }).drvPath;
    expected = true;
  };

  "the set called again with other dependencies keeps ours" = {
    expr =
      let
        again = ours.override { flavour = "other"; };
      in
      {
        inherit (again) unheardOf;
        ours = lib.isString (again.buildImage { name = "x"; }).drvPath;
      };
    expected = {
      unheardOf = "other";
      ours = true;
    };
  };

  "the overlay adds the names of nixpkgs' dockerTools and few others" = {
    expr = lib.attrNames dockerTools;
    # A newer nixpkgs may have more.
    expected = lib.sort builtins.lessThan (
      lib.unique (names ++ lib.attrNames (pkgs.dockerTools or { }))
    );
  };

  "a package set without dockerTools gets ours" = {
    expr = lib.attrNames (over { });
    expected = names;
  };
}
