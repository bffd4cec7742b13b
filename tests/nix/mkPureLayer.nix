{
  dockerTools,
  lib,
  pkgs,
}:

let
  inherit (dockerTools) mkPureLayer;

  baseJson = pkgs.writeText "base.json" "{ }";
  one = pkgs.writeTextDir "etc/one" "";
  two = pkgs.writeTextDir "etc/two" "";

  plain = mkPureLayer {
    name = "plain";
    inherit baseJson;
  };
  scripted = mkPureLayer {
    name = "scripted";
    inherit baseJson;
    copyToRoot = [
      one
      two
    ];
    extraCommands = "touch here";
  };

  itemsOf = copyToRoot: (plainWith copyToRoot).drvAttrs.layer.copyToRoot;
  plainWith =
    copyToRoot:
    mkPureLayer {
      name = "items";
      inherit baseJson copyToRoot;
    };
in
{
  "the builder of a layer is `builder`" = {
    expr = {
      program = baseNameOf plain.drvAttrs.builder;
      inherit (plain.drvAttrs) args __structuredAttrs;
      drvPath = lib.isString plain.drvPath;
    };
    expected = {
      program = "builder";
      args = [ "pure-layer" ];
      __structuredAttrs = true;
      drvPath = true;
    };
  };

  "a layer request has these fields and no others" = {
    expr = plain.drvAttrs.layer;
    expected = {
      name = "plain";
      baseJson = baseJson.outPath;
      copyToRoot = [ ];
      keepContentsDirlinks = false;
      extraCommands = "";
      uid = 0;
      gid = 0;
      shell = null;
    };
  };

  "the arguments of mkPureLayer are those of nixpkgs" = {
    expr = lib.functionArgs mkPureLayer;
    expected = {
      name = false;
      baseJson = false;
      copyToRoot = true;
      keepContentsDirlinks = true;
      extraCommands = true;
      uid = true;
      gid = true;
    };
  };

  "only a layer with a script needs a shell and tools" = {
    expr = {
      plain = plain.drvAttrs.nativeBuildInputs;
      shell = scripted.drvAttrs.layer.shell == pkgs.stdenvNoCC.shell;
      tools = lib.length scripted.drvAttrs.nativeBuildInputs;
    };
    expected = {
      plain = [ ];
      shell = true;
      tools = 3;
    };
  };

  "a script sees contents, baseJson and extraCommands as in nixpkgs" = {
    expr = lib.getAttrs [ "contents" "baseJson" "extraCommands" ] scripted.drvAttrs;
    expected = {
      contents = "${one} ${two}";
      baseJson = baseJson.outPath;
      extraCommands = "touch here";
    };
  };

  "items may be single, nested in lists, or null" = {
    expr = map itemsOf [
      one
      "${one}"
      [
        one
        [
          null
          [ two ]
        ]
      ]
      null
      [ ]
    ];
    expected = [
      [ one.outPath ]
      [ one.outPath ]
      [
        one.outPath
        two.outPath
      ]
      [ ]
      [ ]
    ];
  };

  "a path of the project is copied to the store" = {
    expr = map (lib.hasPrefix builtins.storeDir) (itemsOf ./mkPureLayer.nix);
    expected = [ true ];
  };

  "a layer request keeps its items alive" = {
    expr = lib.subtractLists (lib.attrNames (
      builtins.getContext (builtins.toJSON scripted.drvAttrs.layer)
    )) (map (drv: builtins.unsafeDiscardStringContext drv.drvPath) [ baseJson one two ]);
    expected = [ ];
  };

  "overrideAttrs of the script reaches the layer request" = {
    expr =
      let
        changed = plain.overrideAttrs (old: {
          extraCommands = old.extraCommands + "touch there";
        });
      in
      {
        inherit (changed.drvAttrs.layer) extraCommands;
        shell = changed.drvAttrs.layer.shell != null;
        tools = lib.length changed.drvAttrs.nativeBuildInputs;
      };
    expected = {
      extraCommands = "touch there";
      shell = true;
      tools = 3;
    };
  };

  "overrideAttrs of contents and baseJson reaches the layer request" = {
    expr =
      lib.getAttrs [ "copyToRoot" "baseJson" ]
        (scripted.overrideAttrs (old: {
          contents = "${old.contents} ${baseJson}";
          baseJson = one;
        })).drvAttrs.layer;
    expected = {
      copyToRoot = [
        one.outPath
        two.outPath
        baseJson.outPath
      ];
      baseJson = one.outPath;
    };
  };

  "overrideAttrs may give contents as a list" = {
    expr = (plain.overrideAttrs { contents = [ two ]; }).drvAttrs.layer.copyToRoot;
    expected = [ two.outPath ];
  };
}
