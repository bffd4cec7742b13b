{
  dockerTools,
  lib,
  pkgs,
}:

let
  one = pkgs.writeText "one" "";
  two = pkgs.writeText "two" "";
  merged = dockerTools.mergeImages [
    one
    two
    ./mergeImages.nix
  ];
in
{
  "the builder of merged images is `builder`" = {
    expr = {
      program = baseNameOf merged.drvAttrs.builder;
      inherit (merged.drvAttrs) args name;
      drvPath = lib.isString merged.drvPath;
    };
    expected = {
      program = "builder";
      args = [ "merge" ];
      name = "merge-docker-images";
      drvPath = true;
    };
  };

  "a merge request lists the images in the order given" = {
    expr = merged.drvAttrs.merge;
    expected.images = [
      one.outPath
      two.outPath
      "${./mergeImages.nix}"
    ];
  };
}
