# What `run` builds on each base image, and the image that the bases are made of.
{
  # The base image: a store path.
  base ? null,
  pkgs ? import ../host-pkgs { overlays = [ (import ../../nix/overlay.nix) ]; },
}:

let
  inherit (pkgs) dockerTools;
  fixtures = import ../golden/fixtures.nix;
  golden = import ../golden { inherit pkgs; };

  fromImage = builtins.storePath base;
  name = "child";
  tag = "1";
  config = {
    Env = [ "OWN=own" ];
    Cmd = [
      "/bin/sh"
      "-c"
      "cat /app/lib/a /opt/h1; echo $LEVEL $OWN; ${fixtures.hello}/bin/hello"
    ];
  };
  layered = {
    inherit
      fromImage
      name
      tag
      config
      ;
    contents = [ fixtures.hello ];
  };
in
{
  origin = golden.cases.base;

  children = {
    buildImage = dockerTools.buildImage {
      inherit
        fromImage
        name
        tag
        config
        ;
      copyToRoot = pkgs.writeTextDir "own/file" "${fixtures.hello}";
    };
    runAsRoot = dockerTools.buildImage {
      inherit
        fromImage
        name
        tag
        config
        ;
      copyToRoot = pkgs.writeTextDir "own/file" "${fixtures.hello}";
      # It sees the files of the base, and what it writes is seen.
      runAsRoot = "cat /app/lib/a > /app/lib/b; rm /app/lib/a; mv /app/lib/b /app/lib/a";
    };
    exportImage = dockerTools.exportImage {
      name = "exported.tar";
      inherit fromImage;
    };
    buildLayeredImage = dockerTools.buildLayeredImage layered;
    streamLayeredImage = dockerTools.streamLayeredImage layered;
  };
}
