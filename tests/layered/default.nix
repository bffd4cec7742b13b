# Layered and streamed images that have no golden description.
{
  pkgs ? import ../host-pkgs { overlays = [ (import ../../nix/overlay.nix) ]; },
}:

let
  inherit (pkgs) dockerTools lib writeTextDir;
  inherit (dockerTools) buildLayeredImage streamLayeredImage;
  golden = import ../golden { inherit pkgs; };

  library = writeTextDir "share/library" "words";
  tool = writeTextDir "share/tool" "${library}";
  other = writeTextDir "share/other" "something else";
  leaf = version: writeTextDir "share/leaf" "version ${version} on ${library}";

  application =
    version:
    buildLayeredImage {
      name = "application";
      tag = "1";
      contents = [
        tool
        other
        (leaf version)
      ];
      config.Cmd = [ "/share/tool" ];
    };
in
{
  # Two versions of the same image.
  versions = {
    before = application "1";
    after = application "2";
    leaves = map leaf [
      "1"
      "2"
    ];
  };

  # An image with another name, other scripts and another configuration.
  another = buildLayeredImage {
    name = "another";
    tag = "2";
    contents = [
      tool
      (writeTextDir "share/its-own" "its own")
    ];
    extraCommands = "mkdir var";
    config.Env = [ "A=1" ];
    created = "2024-01-02T03:04:05Z";
  };
  # What both have.
  shared = [
    library
    tool
  ];

  stream = golden.cases.a27-stream;

  now = streamLayeredImage {
    name = "now";
    tag = "now";
    created = "now";
    contents = other;
  };

  tagless = streamLayeredImage {
    name = "tagless";
    contents = other;
  };

  failing = {
    "more layers below than allowed" = buildLayeredImage {
      name = "too-few";
      tag = "1";
      fromImage = golden.cases.a12-layered;
      maxLayers = 2;
      contents = other;
    };
    "a script that fails" = buildLayeredImage {
      name = "script";
      tag = "1";
      extraCommands = "echo about to fail; exit 7";
    };
  };

  # As many owners as fakeroot's daemon may still have to read when the script ends.
  owners = lib.genList (
    number:
    (streamLayeredImage {
      name = "owners-${toString number}";
      tag = "1";
      includeStorePaths = false;
      fakeRootCommands = "mkdir d; touch d/{1..40}; chown -R 1000:100 d";
    })
  ) 8;
}
