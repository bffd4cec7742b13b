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
  images = pkgs.lib.genAttrs [ "amd64" "arm64" ] image // {
    # Its store paths are some that pulling needs too.
    authorities = dockerTools.buildLayeredImage {
      name = "authorities";
      tag = "1";
      contents = [ dockerTools.caCertificates ];
      config.Entrypoint = [ (pkgs.lib.getExe' pkgs.skopeo "skopeo") ];
      compressor = "none";
    };
  };

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
