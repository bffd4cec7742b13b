{ lib, pkgs }:

let
  mkLayerClosure = import ../../nix/internal/mkLayerClosure.nix;
  of = function: argument: { inherit function argument; };
in
{
  "the closure of a layer comes from writeClosure" = {
    expr = mkLayerClosure {
      writeClosure = of "writeClosure";
      writeReferencesToFile = throw "removed";
    } "layer";
    expected = of "writeClosure" [ "layer" ];
  };

  "the closure of a layer comes from writeReferencesToFile in old package sets" = {
    expr = mkLayerClosure { writeReferencesToFile = of "writeReferencesToFile"; } "layer";
    expected = of "writeReferencesToFile" "layer";
  };

  "this package set can name the closure of a layer" = {
    expr = lib.isString (lib.callPackageWith pkgs mkLayerClosure { } pkgs.stdenvNoCC).drvPath;
    expected = true;
  };
}
