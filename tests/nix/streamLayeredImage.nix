{
  callPackage,
  dockerTools,
  lib,
  pkgs,
}:

let
  inherit (dockerTools) buildLayeredImage streamLayeredImage;
  inherit (lib) isString;

  folder = pkgs.writeTextDir "etc/motd" "";
  file = pkgs.writeText "pipeline.json" "[ ]";

  plain = streamLayeredImage {
    name = "Registry.example.com/Some/Layered";
    tag = "1.0";
    contents = folder;
  };
  with' = arguments: streamLayeredImage ({ name = "layered"; } // arguments);

  describe = arguments: (with' arguments).conf.drvAttrs.description;

  # The layer on top, found by what the description says.
  layerOf = image: (lib.last (closureRootsOf image)).drvAttrs;
  closureRootsOf = image: image.conf.drvAttrs.exportReferencesGraph.graph;
  baseJsonOf =
    arguments:
    builtins.fromJSON (
      builtins.unsafeDiscardStringContext (lib.head (closureRootsOf (with' arguments))).drvAttrs.text
    );

  scripted = with' {
    contents = [
      folder
      null
    ];
    extraCommands = "touch here";
    fakeRootCommands = "chown 1:1 here";
    enableFakechroot = true;
  };

  darwin = (callPackage ../../nix { }).overrideScope (
    _final: _prev: {
      stdenvNoCC = lib.recursiveUpdate pkgs.stdenvNoCC { hostPlatform.isDarwin = true; };
    }
  );

  hashPart = drv: lib.head (lib.splitString "-" (baseNameOf drv.outPath));
in
{
  "the three derivations of a layered image are made by `builder`" = {
    expr =
      map
        (drvAttrs: {
          program = baseNameOf drvAttrs.builder;
          inherit (drvAttrs) name args __structuredAttrs;
        })
        [
          (layerOf plain)
          plain.conf.drvAttrs
          (buildLayeredImage {
            name = "some/Layered";
            compressor = "zstd";
          }).drvAttrs
        ];
    expected =
      lib.mapAttrsToList
        (command: name: {
          program = "builder";
          inherit name;
          args = [ command ];
          __structuredAttrs = true;
        })
        {
          customisation-layer = "Layered-customisation-layer";
          description = "Layered-conf.json";
          layered-image = "Layered.tar.zst";
        };
  };

  "a customisation request has these fields and no others" = {
    expr = (layerOf plain).customisation;
    expected = {
      name = "Layered";
      contents = [ folder.outPath ];
      extraCommands = "";
      fakeRootCommands = "";
      enableFakechroot = false;
      inherit (builtins) storeDir;
      shell = null;
      fakeroot = null;
      proot = null;
    };
  };

  "a customisation layer with scripts names the programs that run them" = {
    expr = lib.mapAttrs (_name: baseNameOf) (
      lib.getAttrs [ "shell" "fakeroot" "proot" ] (layerOf scripted).customisation
    );
    expected = {
      shell = "bash";
      fakeroot = "fakeroot";
      proot = "proot";
    };
  };

  "enableFakechroot needs its programs even without commands" = {
    expr =
      let
        request = (layerOf (with' { enableFakechroot = true; })).customisation;
      in
      lib.all isString [
        request.shell
        request.fakeroot
        request.proot
      ];
    expected = true;
  };

  "extraCommands alone need a shell, but neither fakeroot nor proot" = {
    expr =
      let
        request = (layerOf (with' { extraCommands = "touch here"; })).customisation;
      in
      {
        shell = isString request.shell;
        inherit (request) fakeroot proot;
      };
    expected = {
      shell = true;
      fakeroot = null;
      proot = null;
    };
  };

  "a script finds fakeroot and proot on its PATH as in nixpkgs" = {
    expr = map (image: map lib.getName (layerOf image).nativeBuildInputs) [
      plain
      (with' { extraCommands = "touch here"; })
      scripted
    ];
    expected = map (map (name: lib.getName pkgs.${name})) [
      [ ]
      [ "fakeroot" ]
      [
        "fakeroot"
        "proot"
      ]
    ];
  };

  "a script of a layered image sees its variables as in nixpkgs" = {
    expr = lib.getAttrs [ "paths" "extraCommands" "fakeRootCommands" ] (layerOf scripted);
    expected = {
      paths = [ folder.outPath ];
      extraCommands = "touch here";
      fakeRootCommands = "chown 1:1 here";
    };
  };

  "overrideAttrs of a customisation layer reaches its request" = {
    expr =
      let
        layer = lib.last (closureRootsOf plain);
        request =
          (layer.overrideAttrs (old: {
            paths = old.paths ++ [ file ];
            fakeRootCommands = "chown 1:1 .";
          })).drvAttrs.customisation;
      in
      {
        inherit (request) contents fakeRootCommands;
        programs = isString request.shell && isString request.fakeroot;
      };
    expected = {
      contents = [
        folder.outPath
        file.outPath
      ];
      fakeRootCommands = "chown 1:1 .";
      programs = true;
    };
  };

  "the database is made before the scripts of a layered image run" = {
    expr =
      let
        script =
          (layerOf (with' {
            contents = folder;
            includeNixDB = true;
            extraCommands = "user script";
          })).extraCommands;
        text = builtins.unsafeDiscardStringContext script;
      in
      {
        last = lib.hasSuffix "user script" text;
        loads = lib.hasInfix "nix-store --load-db < " text;
        root = lib.hasInfix (builtins.unsafeDiscardStringContext "ln -s ${folder} nix/var") text;
      };
    expected = {
      last = true;
      loads = true;
      root = true;
    };
  };

  "a description request has these fields and no others" = {
    expr =
      plain.conf.drvAttrs.description
      // lib.genAttrs [ "baseJson" "customisationLayer" ] (
        field: lib.hasPrefix builtins.storeDir plain.conf.drvAttrs.description.${field}
      );
    expected = {
      name = "registry.example.com/some/layered";
      tag = "1.0";
      baseJson = true;
      customisationLayer = true;
      fromImage = null;
      created = "1970-01-01T00:00:01Z";
      mtime = "1970-01-01T00:00:01Z";
      uid = 0;
      gid = 0;
      uname = "root";
      gname = "root";
      maxLayers = 100;
      layeringPipeline = null;
      includeStorePaths = true;
      debug = false;
      inherit (builtins) storeDir;
    };
  };

  "what a layered image is given reaches its description" = {
    expr =
      let
        given = {
          created = "now";
          mtime = "2024-01-02T03:04:05Z";
          uid = "app";
          gid = 1002;
          uname = "app";
          gname = "apps";
          maxLayers = 7;
          debug = true;
        };
      in
      lib.intersectAttrs given (describe given) == given;
    expected = true;
  };

  "a description looks at the closure of the configuration and of the topmost layer" = {
    expr = map lib.getName (closureRootsOf plain);
    expected = [
      "Layered-base.json"
      "Layered-customisation-layer"
    ];
  };

  "without store paths a description looks at no closure, but needs the topmost layer" = {
    expr =
      let
        inherit ((with' { includeStorePaths = false; }).conf) drvAttrs;
        needs = lib.attrNames (builtins.getContext (builtins.toJSON drvAttrs.description));
      in
      {
        graph = drvAttrs ? exportReferencesGraph;
        needs = lib.length needs;
        inherit (drvAttrs.description) includeStorePaths;
      };
    expected = {
      graph = false;
      needs = 2;
      includeStorePaths = false;
    };
  };

  "a base image of a layered image may be a path of the project" = {
    expr = map (fromImage: lib.hasPrefix builtins.storeDir (describe { inherit fromImage; }).fromImage) [
      folder
      ./streamLayeredImage.nix
    ];
    expected = [
      true
      true
    ];
  };

  "a layeringPipeline is a list, or a file" = {
    expr =
      map (layeringPipeline: builtins.toJSON (describe { inherit layeringPipeline; }).layeringPipeline)
        [
          null
          [
            [
              "split_paths"
              [ folder ]
            ]
          ]
          file
          "${file}"
        ];
    expected = [
      "null"
      ''[["split_paths",["${folder}"]]]''
      ''"${file}"''
      ''"${file}"''
    ];
  };

  "maxLayers has to leave room for the customisation layer" = {
    expr =
      (with' {
        maxLayers = 1;
      }).drvPath;
    expectedError = "the maxLayers argument of dockerTools.buildLayeredImage function must be greather than 1 (current value: 1)";
  };

  "maxLayers does not matter with a layeringPipeline" = {
    expr =
      isString
        (with' {
          maxLayers = 1;
          layeringPipeline = [ ];
        }).drvPath;
    expected = true;
  };

  "enableFakechroot on Darwin is refused" = {
    expr =
      (darwin.streamLayeredImage {
        name = "x";
        enableFakechroot = true;
      }).drvPath;
    expectedError = "cannot use `enableFakechroot` because `proot` is not portable to Darwin";
  };

  "the configuration of a layered image is that of nixpkgs" = {
    expr = baseJsonOf {
      config.Cmd = [ "sh" ];
      architecture = "riscv64";
      variant = "";
    };
    expected = {
      architecture = "riscv64";
      config.Cmd = [ "sh" ];
      os = "linux";
    };
  };

  "a layered image says its variant, if it has one" = {
    expr =
      (baseJsonOf {
        architecture = "arm";
        variant = "v6";
      }).variant;
    expected = "v6";
  };

  "the tag of a layered image is the one given, or the hash of its description" = {
    expr = map (image: image.imageTag == hashPart image.conf) [
      (with' { })
      (with' { tag = null; })
      (with' { tag = "1"; })
    ];
    expected = [
      true
      true
      false
    ];
  };

  "a streamed image has the attributes of nixpkgs' and its passthru" = {
    expr =
      let
        image = with' {
          tag = "1";
          passthru = {
            mine = true;
            isExe = "overridden";
          };
          meta.description = "an image";
        };
      in
      {
        inherit (image)
          name
          imageName
          imageTag
          mine
          isExe
          ;
        inherit (image.meta) description;
        streamScript = isString "${image.streamScript}";
        conf = lib.isDerivation image.conf;
      };
    expected = {
      name = "stream-layered";
      imageName = "layered";
      imageTag = "1";
      mine = true;
      isExe = true;
      description = "an image";
      streamScript = true;
      conf = true;
    };
  };

  "only what is quickly made is preferLocalBuild" = {
    expr = map (drvAttrs: drvAttrs.preferLocalBuild or false) [
      plain.drvAttrs
      (layerOf plain)
      plain.conf.drvAttrs
      (buildLayeredImage { name = "x"; }).drvAttrs
    ];
    expected = [
      true
      false
      false
      false
    ];
  };

  "the arguments of streamLayeredImage are those of nixpkgs and two more" = {
    expr = lib.functionArgs streamLayeredImage;
    expected = {
      name = false;
      tag = true;
      fromImage = true;
      contents = true;
      config = true;
      architecture = true;
      variant = true;
      created = true;
      mtime = true;
      uid = true;
      gid = true;
      uname = true;
      gname = true;
      maxLayers = true;
      extraCommands = true;
      fakeRootCommands = true;
      enableFakechroot = true;
      includeStorePaths = true;
      includeNixDB = true;
      passthru = true;
      meta = true;
      layeringPipeline = true;
      debug = true;
      layers = true;
      split = true;
    };
  };

  "an argument that streamLayeredImage does not have is an error" = {
    expr = (with' { copyToRoot = folder; }).drvPath;
    expectedError = "unexpected argument 'copyToRoot'";
  };

  "override of a layered image gives another one" = {
    expr = (plain.override { tag = "other"; }).conf.drvAttrs.description.tag;
    expected = "other";
  };
}
