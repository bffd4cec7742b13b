{
  dockerTools,
  lib,
  pkgs,
}:

let
  one = pkgs.writeTextDir "one" "";
  two = pkgs.writeTextDir "two" "";
  merged = dockerTools.mergeDrvs {
    derivations = [
      one
      two
      ./mergeDrvs.nix
    ];
  };
in
{
  "the builder of merged derivations is `builder`" = {
    expr = {
      program = baseNameOf merged.drvAttrs.builder;
      inherit (merged.drvAttrs) args name;
      drvPath = lib.isString merged.drvPath;
    };
    expected = {
      program = "builder";
      args = [ "merge-derivations" ];
      name = "merge-drvs";
      drvPath = true;
    };
  };

  "derivations are merged in the order given" = {
    expr = merged.drvAttrs.mergeDerivations;
    expected = {
      derivations = [
        one.outPath
        two.outPath
        "${./mergeDrvs.nix}"
      ];
      onlyDeps = false;
    };
  };

  "one derivation is merged as a list of one" = {
    expr =
      (dockerTools.mergeDrvs {
        derivations = one;
        onlyDeps = true;
      }).drvAttrs.mergeDerivations;
    expected = {
      derivations = [ one.outPath ];
      onlyDeps = true;
    };
  };

  "`overrideAttrs` of merged derivations reaches `builder`" = {
    expr =
      (merged.overrideAttrs { derivations = [ two ]; }).drvAttrs.mergeDerivations.derivations;
    expected = [ two.outPath ];
  };
}
