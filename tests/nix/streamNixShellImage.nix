{
  callPackage,
  dockerTools,
  lib,
  pkgs,
}:

let
  inherit (dockerTools) buildNixShellImage streamNixShellImage;

  drv = pkgs.stdenvNoCC.mkDerivation {
    name = "example";
    text = "long";
    passAsFile = [ "text" ];
    list = [
      1
      true
      ./default.nix
    ];
    TERM = "dumb";
    HOME = "/home";
    buildCommand = "echo $list > $out";
  };

  # The two files that the description looks at.
  baseJsonOf = image: (lib.head image.conf.drvAttrs.exportReferencesGraph.graph).drvAttrs;
  layerOf = image: (lib.last image.conf.drvAttrs.exportReferencesGraph.graph).drvAttrs;

  configOf =
    image: (builtins.fromJSON (builtins.unsafeDiscardStringContext (baseJsonOf image).text)).config;
  environmentOf = image: lib.listToAttrs (map toPair (configOf image).Env);
  toPair =
    line:
    let
      parts = lib.splitString "=" line;
    in
    lib.nameValuePair (lib.head parts) (lib.concatStringsSep "=" (lib.tail parts));

  plain = streamNixShellImage { inherit drv; };
  environment = environmentOf plain;

  # The same from a package set without `devShellTools`.
  ours = (callPackage ../../nix { devShellTools = null; }).streamNixShellImage { inherit drv; };
in
{
  "a shell has the environment of the derivation, unless Nix says otherwise" = {
    expr = {
      inherit (environment)
        HOME
        NIX_BUILD_TOP
        NIX_STORE
        PWD
        TERM
        TMPDIR
        name
        out
        ;
      list = lib.head (builtins.match "(1 1 ).*-default.nix" environment.list);
      text = environment ? text;
      textPath = environment ? textPath;
    };
    expected = {
      HOME = "/home";
      NIX_BUILD_TOP = "/build";
      NIX_STORE = builtins.storeDir;
      PWD = "/build";
      TERM = "xterm-256color";
      TMPDIR = "/build";
      name = "example";
      out = builtins.unsafeDiscardStringContext drv.outPath;
      list = "1 1 ";
      text = false;
      textPath = true;
    };
  };

  "a shell does not need the derivation's output" = {
    expr = map (needed: builtins.getContext (baseJsonOf plain).text ? ${needed}) (
      map (needed: builtins.unsafeDiscardStringContext needed.drvPath) [
        drv
        pkgs.cacert
      ]
    );
    expected = [
      false
      true
    ];
  };

  "a shell reads the same environment without devShellTools" = {
    expr = environmentOf ours == environment;
    expected = true;
  };

  "a shell is the user that owns Nix's folders" = {
    expr =
      let
        image = streamNixShellImage {
          inherit drv;
          uid = 7;
          gid = 8;
        };
      in
      {
        inherit (configOf image) User WorkingDir;
        owned = lib.hasInfix "chown -R 7:8 ./nix ./etc/nix ./build" (layerOf image).fakeRootCommands;
      };
    expected = {
      User = "7:8";
      WorkingDir = "/build";
      owned = true;
    };
  };

  "a shell finds /bin/sh, /usr/bin/env and users" = {
    expr = lib.take 2 (layerOf plain).paths == map toString [ dockerTools.binSh dockerTools.usrBinEnv ];
    expected = true;
  };

  "a shell starts bash with its file, which `run` makes non-interactive" = {
    expr = map (arguments: lib.length (configOf (streamNixShellImage ({ inherit drv; } // arguments))).Cmd) [
      { }
      { command = "true"; }
      { run = "true"; }
    ];
    expected = [
      3
      3
      2
    ];
  };

  "the image of a shell is named after the derivation" = {
    expr = {
      inherit (plain) name imageName;
      built = (buildNixShellImage { inherit drv; }).name;
      zstd =
        (buildNixShellImage {
          inherit drv;
          name = "other";
          compressor = "zstd";
        }).name;
    };
    expected = {
      name = "stream-example-env";
      imageName = "example-env";
      built = "example-env.tar.gz";
      zstd = "example-env.tar.zst";
    };
  };

  "a built shell is the streamed one" = {
    expr = (buildNixShellImage { inherit drv; }).conf.drvPath == plain.conf.drvPath;
    expected = true;
  };

  "a shell for structured attributes is refused" = {
    expr =
      (streamNixShellImage {
        drv = drv.overrideAttrs { __structuredAttrs = true; };
      }).drvPath;
    expectedError = "streamNixShellImage: Does not work with the derivation example because it uses __structuredAttrs";
  };

  "a shell with `command` and `run` is refused" = {
    expr =
      (streamNixShellImage {
        inherit drv;
        command = "true";
        run = "true";
      }).drvPath;
    expectedError = "streamNixShellImage: Can't specify both command and run";
  };

  "the arguments of streamNixShellImage are those of nixpkgs" = {
    expr = lib.functionArgs streamNixShellImage;
    expected = {
      drv = false;
      name = true;
      tag = true;
      uid = true;
      gid = true;
      homeDirectory = true;
      shell = true;
      command = true;
      run = true;
    };
  };
}
