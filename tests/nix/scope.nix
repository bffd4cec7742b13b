# What is in the scope of the functions and in the scope of what they share, and how both are overridden.
{
  callPackage,
  dockerTools,
  lib,
  pkgs,
}:

let
  scope = callPackage ../../nix { };
  namesOf = scope: lib.attrNames (scope.packages scope);

  # The attributes that the files of a folder are called after.
  filesOf =
    folder:
    map (lib.removeSuffix ".nix") (
      lib.remove "default.nix" (lib.attrNames (builtins.readDir folder))
    );

  imageOf = scope: scope.buildImage { name = "x"; };
in
{
  "each function has a file of its name" = {
    expr = filesOf ../../nix/functions;
    # The examples have a folder, and `fakeNss` is the package set's.
    expected = lib.subtractLists [ "builder" "examples" "fakeNss" "internal" ] (namesOf scope);
  };

  "what the functions share has a file of its name" = {
    expr = filesOf ../../nix/internal;
    expected = lib.remove "limits" (namesOf scope.internal);
  };

  "the overlay leaves out the program and what the functions share" = {
    expr = lib.subtractLists (lib.attrNames dockerTools) (namesOf scope);
    expected = [
      "builder"
      "internal"
    ];
  };

  "the dockerTools of the project's default.nix are those of the overlay" = {
    expr = lib.attrNames (import ../.. { inherit pkgs; }).dockerTools;
    expected = lib.attrNames dockerTools;
  };

  "overrideScope of the functions reaches what they share" = {
    expr =
      (imageOf (scope.overrideScope (_final: _prev: { builder = pkgs.hello; }))).drvAttrs.builder;
    expected = lib.getExe pkgs.hello;
  };

  "overrideScope of what the functions share reaches them" = {
    expr =
      (imageOf (
        scope.overrideScope (
          _final: prev: {
            internal = prev.internal.overrideScope (_final: _prev: { limits.maxLayers = 2000; });
          }
        )
      )).drvAttrs.limits;
    expected.maxLayers = 2000;
  };
}
