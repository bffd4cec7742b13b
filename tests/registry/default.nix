# What `run` pulls from its registries and builds on it.
{
  # A file with the certificate of an authority, which the set trusts.
  authority,
}:

let
  pkgs = import ../host-pkgs {
    overlays = [
      (final: _prev: {
        cacert = final.runCommand "authority" { bundle = authority; } ''
          install -D -m 0444 "$bundle" $out/etc/ssl/certs/ca-bundle.crt
        '';
      })
      (import ../../nix/overlay.nix)
    ];
  };
  inherit (pkgs) dockerTools;

  # Nix refuses store paths in what has a fixed hash, so there are none in it.
  image =
    architecture:
    dockerTools.buildImage {
      name = "pushed";
      tag = architecture;
      inherit architecture;
      copyToRoot = pkgs.runCommand "root" { } ''
        mkdir $out
        cp ${pkgs.busybox}/bin/busybox $out/
        echo ${architecture} > $out/architecture
      '';
      config.Cmd = [
        "/busybox"
        "cat"
        "/architecture"
      ];
      # Debian 12's skopeo reads no other.
      compressor = "none";
    };
in
{
  images = pkgs.lib.genAttrs [ "amd64" "arm64" ] image;

  pull = dockerTools.pullImage;

  # Images on top of one that was pulled.
  on = pulled: {
    classic = dockerTools.buildImage {
      name = "on-pulled";
      tag = "1";
      fromImage = pulled;
      copyToRoot = pkgs.writeTextDir "more" "more";
    };
    layered = dockerTools.buildLayeredImage {
      name = "on-pulled-layered";
      tag = "1";
      fromImage = pulled;
      contents = pkgs.writeTextDir "more" "more";
    };
  };
}
