# What `run` builds on each base image, and the image that the bases are made of.
{
  # For each base image, by name: `path` in the store, and the `name` to choose it by, or null.
  bases ? { },
  pkgs ? import ../host-pkgs { overlays = [ (import ../../nix/overlay.nix) ]; },
}:

let
  inherit (pkgs) dockerTools;
  fixtures = import ../golden/fixtures.nix;
  golden = import ../golden { inherit pkgs; };

  # The image with a layer on top that depends on nothing, and so is the same each time.
  again =
    fromImage:
    dockerTools.buildImage {
      name = "origin";
      tag = "1";
      inherit fromImage;
      compressor = "none";
      copyToRoot = pkgs.writeTextDir "opt/h1" "again\n";
    };

  config = {
    Env = [ "OWN=own" ];
    Cmd = [
      "/bin/sh"
      "-c"
      "cat /app/lib/a /opt/h1 /opt/h2; echo $LEVEL $OWN; ${fixtures.hello}/bin/hello"
    ];
  };

  childrenOf =
    base:
    let
      child = {
        fromImage = builtins.storePath base.path;
        name = "child";
        tag = "1";
        inherit config;
      };
      chosen = {
        fromImageName = base.name;
        fromImageTag = if base.name == null then null else "1";
      };
      image =
        child
        // chosen
        // {
          copyToRoot = pkgs.writeTextDir "own/file" "${fixtures.hello}";
        };
      layered = child // {
        contents = [ fixtures.hello ];
      };
    in
    {
      buildImage = dockerTools.buildImage image;
      # These two take the first image of an archive.
      buildLayeredImage = dockerTools.buildLayeredImage layered;
      streamLayeredImage = dockerTools.streamLayeredImage layered;
      runAsRoot = dockerTools.buildImage (
        image
        // {
          # It sees the files of the base, and what it writes is seen.
          runAsRoot = "cat /app/lib/a > /app/lib/b; rm /app/lib/a; mv /app/lib/b /app/lib/a";
        }
      );
      exportImage = dockerTools.exportImage (
        chosen
        // {
          name = "exported.tar";
          inherit (child) fromImage;
        }
      );
    };
in
{
  # A layer occurs twice in it.
  origin = again (again golden.cases.base);

  children = builtins.mapAttrs (_: childrenOf) bases;
}
