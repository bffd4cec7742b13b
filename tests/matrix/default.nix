# A handful of images that between them need everything, and what Nix gives the builder of each.
let
  pkgs = import ../host-pkgs { overlays = [ (import ../../nix/overlay.nix) ]; };
  golden = import ../golden { inherit pkgs; };
  inherit (golden) cases;
  demo = import ../../demo { };

  withLayer = name: image: {
    "${name}, the layer" = image.layer;
    "${name}, the image" = image;
  };

  # As `derivation` gets them, with what Nix adds to `.attrs.json`.
  describe = drv: {
    drv = drv.drvPath;
    out = drv.outPath;
    inherit (drv.drvAttrs) builder args;
    attributes = drv.drvAttrs // {
      outputs.out = drv.outPath;
    };
  };
in
{
  outputs = builtins.mapAttrs (_: describe) (
    withLayer "a03 (items that overlap)" cases.a03-overlap-k
    // withLayer "a05 (a script)" cases.a05-extra-commands
    // withLayer "a07 (on a base image)" cases.a07-from
    // withLayer "a22 (odd files)" cases.a22-odd
    // {
      "a22 as zstd" = golden.compressors.zstd;
      "a merged image" = golden.merges.gz-last.image;
      "a14 (layered, on a base image)" = cases.a14-layered-from;
      "a14 (layered), as a layout" = cases.a14-layered-from.layout;
      "a07 (on a base image), as a layout" = cases.a07-from.layout;
      "a03, as a tar of a layout with zstd" = pkgs.dockerTools.ociLayout {
        image = cases.a03-overlap-k;
        compressor = "zstd";
        archive = true;
      };
      "c18 (exported)" = cases.c18-export-layered;
    }
    // withLayer "the demo" demo.image
  );

  # What needs more than attributes, which only Nix can hand over: the graph of the closure.
  descriptions = builtins.mapAttrs (_: describe) {
    "a14, the description" = cases.a14-layered-from.conf;
    "a layer of one's own" = pkgs.dockerTools.buildLayer {
      paths = [ pkgs.hello ];
      compressor = "gz";
    };
  };

  # Its output tells the circumstances, so it differs where they do.
  probe =
    (derivation {
      name = "probe";
      inherit (pkgs.stdenv.hostPlatform) system;
      builder = "${(import ../golden/fixtures.nix).busybox}/bin/sh";
      args = [
        "-c"
        "[ -e /etc/debian_version ] && machine=visible; echo $machine $NIX_BUILD_CORES > $out"
      ];
    }).drvPath;
}
