# The package set, called as nixpkgs is: takes overlays, the system and a little more; gives the
# set of packages with the overlays applied. See README.md.
{
  system ? null,
  localSystem ? if system != null then system else builtins.currentSystem,
  crossSystem ? null,
  overlays ? [ ],
  # `oldReferences = true` offers `writeReferencesToFile` in place of `writeClosure`;
  # `structuredAttrsByDefault` and `strictDepsByDefault` are those of nixpkgs.
  config ? { },
  crossOverlays ? [ ],
  # The file that `rustPlatform.buildRustPackage` installs; by default the one cargo built here.
  builderBinary ? null,
}@args:

let
  lib = import ./lib;

  buildPlatform = lib.systems.elaborate localSystem;
  hostPlatform = if crossSystem == null then buildPlatform else lib.systems.elaborate crossSystem;

  # The same set with some arguments changed.
  again = changes: import ./. (args // changes);

  base = final: import ./pkgs {
    inherit
      lib
      config
      final
      again
      buildPlatform
      hostPlatform
      builderBinary
      ;
    inherit overlays;
  };
in
lib.fix (lib.foldl (set: overlay: lib.extends overlay set) base (overlays ++ crossOverlays))
