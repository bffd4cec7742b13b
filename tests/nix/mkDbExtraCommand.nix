{
  dockerTools,
  lib,
  pkgs,
}:

let
  folder = pkgs.writeTextDir "etc/motd" "";

  plain = dockerTools.buildImage {
    name = "db";
    copyToRoot = folder;
    extraCommands = "user script";
    includeNixDB = true;
  };
  short = dockerTools.buildImageWithNixDb {
    name = "db";
    copyToRoot = folder;
    extraCommands = "user script";
  };

  script = builtins.unsafeDiscardStringContext plain.layer.extraCommands;
in
{
  "the database is made before the user's script runs" = {
    expr = {
      last = lib.hasSuffix "user script" script;
      loads = lib.hasInfix "nix-store --load-db < " script;
    };
    expected = {
      last = true;
      loads = true;
    };
  };

  "the contents are roots of the garbage collector in the image" = {
    expr = lib.hasInfix (builtins.unsafeDiscardStringContext "ln -s ${folder} nix/var/nix/gcroots/docker/\n") script;
    expected = true;
  };

  "buildImageWithNixDb is buildImage with a database" = {
    expr = short.drvPath == plain.drvPath;
    expected = true;
  };
}
