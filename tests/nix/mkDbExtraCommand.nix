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

  entry = pkgs.writeTextDir "entry" "";
  withConfig =
    config:
    (dockerTools.buildImage {
      name = "db";
      copyToRoot = folder;
      inherit config;
      includeNixDB = true;
    }).layer.extraCommands;

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

  "a configuration with store paths makes them known, and roots" = {
    expr =
      let
        text = withConfig { Cmd = [ "${entry}/entry" ]; };
      in
      {
        loads = lib.hasInfix "-nix-database/registration" text;
        roots = lib.hasInfix "-nix-database/roots" text;
      };
    expected = {
      loads = true;
      roots = true;
    };
  };

  "a configuration without store paths changes nothing" = {
    expr = map withConfig [
      null
      { Env = [ "A=/nix/store" ]; }
    ];
    expected = [
      (withConfig { })
      (withConfig { })
    ];
  };
}
