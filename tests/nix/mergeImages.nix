{
  dockerTools,
  lib,
  overlay,
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

  "a merge request names the platform that chooses in layouts" = {
    expr = lib.attrNames merged.drvAttrs.merge.platform ++ [ merged.drvAttrs.merge.platform.os ];
    expected = [
      "architecture"
      "os"
      "variant"
      "linux"
    ];
  };

  "limits of the package set reach `builder`" = {
    expr =
      let
        set = (pkgs.extend overlay).extend (_: _: { dockerToolsLimits.maxLayers = 2000; });
      in
      (set.dockerTools.mergeImages [ one ]).drvAttrs.limits;
    expected.maxLayers = 2000;
  };

  "without limits of the package set none are said" = {
    expr = merged.drvAttrs ? limits;
    expected = false;
  };

  "a merge request lists the images in the order given" = {
    expr = merged.drvAttrs.merge.images;
    expected = [
      one.outPath
      two.outPath
      "${./mergeImages.nix}"
    ];
  };
}
