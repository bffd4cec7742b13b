{
  dockerTools,
  lib,
  pkgs,
}:

let
  image = dockerTools.buildImage { name = "image"; };
  exported = dockerTools.exportImage { fromImage = image; };
in
{
  "the builder of an export is `builder`, without a virtual machine" = {
    expr = {
      program = baseNameOf exported.drvAttrs.builder;
      inherit (exported.drvAttrs) args;
      drvPath = lib.isString exported.drvPath;
    };
    expected = {
      program = "builder";
      args = [ "export" ];
      drvPath = true;
    };
  };

  "an export has the name of its image" = {
    expr = [
      exported.name
      (dockerTools.exportImage {
        name = "files.tar";
        fromImage = pkgs.writeText "image" "";
      }).name
    ];
    expected = [
      "docker-image-image.tar.gz"
      "files.tar"
    ];
  };

  "an export request says which image of the archive" = {
    expr =
      (dockerTools.exportImage {
        fromImage = image;
        fromImageName = "image";
        fromImageTag = "one";
      }).drvAttrs.export;
    expected = {
      fromImage = image.outPath;
      fromImageName = "image";
      fromImageTag = "one";
      platform = {
        os = "linux";
        architecture = pkgs.go.GOARCH;
        variant = "";
      };
    };
  };

  "`diskSize` has no effect" = {
    expr =
      (dockerTools.exportImage {
        fromImage = image;
        diskSize = 1;
      }).drvPath == exported.drvPath;
    expected = true;
  };
}
