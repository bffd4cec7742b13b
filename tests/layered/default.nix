# Layered and streamed images that have no golden description.
{
  pkgs ? import ../host-pkgs { overlays = [ (import ../../nix/overlay.nix) ]; },
}:

let
  inherit (pkgs) dockerTools lib writeTextDir;
  inherit (dockerTools) buildLayeredImage streamLayeredImage;
  golden = import ../golden { inherit pkgs; };
  fixtures = import ../golden/fixtures.nix;

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

  # What a shell is made for: it wants a variable, a function of stdenv and a program.
  shelled = pkgs.stdenvNoCC.mkDerivation {
    name = "shelled";
    greeting = "hello";
    nativeBuildInputs = [ (pkgs.writeShellScriptBin "greet" "echo $1 to you") ];
    buildCommand = ''
      mkdir $out
      greet "$greeting" > $out/greeting
      substitute $out/greeting $out/changed --replace-fail you everyone
    '';
    shellHook = "echo the hook runs";
  };
  inShell = ''
    echo "$name, $greeting, $PWD, $(type -t substitute)"
    buildDerivation
    cat $out/greeting $out/changed
    id -u
  '';

  # Collects garbage, and then runs what only the configuration refers to.
  afterCollecting = {
    Env = [ "USER=nobody" ];
    Entrypoint = [
      "${fixtures.busybox}/bin/sh"
      "-ec"
      "/bin/nix-collect-garbage > /log 2>&1; exec \"$@\""
      "sh"
    ];
    Cmd = [ "${fixtures.hello}/bin/hello" ];
  };
in
{
  # What the tests of engines run.
  running = {
    "two layers" = buildLayeredImage {
      name = "two-layers";
      tag = "1";
      maxLayers = 2;
      contents = fixtures.hello;
      config.Cmd = [ "/bin/hello" ];
    };

    "a user" = buildLayeredImage {
      name = "user";
      tag = "1";
      contents = [
        fixtures.busybox
        fixtures.hello
      ];
      extraCommands = "mkdir -p etc home/app; echo 'app:x:1234:1235::/home/app:/bin/sh' > etc/passwd";
      fakeRootCommands = "chown 1234:1235 home/app; chmod 700 home/app";
      config = {
        User = "app";
        WorkingDir = "/home/app";
        Cmd = [
          "/bin/sh"
          "-c"
          "id -u; id -g; echo mine > file; cat file; echo theirs > /etc/passwd || hello"
        ];
      };
    };

    "nix in a layered image" = dockerTools.buildLayeredImageWithNixDb {
      name = "layered-nix";
      tag = "1";
      contents = [
        pkgs.nix
        fixtures.hello
      ];
      # Nix asks for a name where no passwd has one.
      config.Env = [ "USER=nobody" ];
    };

    "nix in an image" = dockerTools.buildImageWithNixDb {
      name = "nix";
      tag = "1";
      copyToRoot = [
        pkgs.nix
        fixtures.hello
      ];
      # Nix asks for a name where no passwd has one.
      config.Env = [ "USER=nobody" ];
    };

    "garbage in a layered image" = dockerTools.buildLayeredImageWithNixDb {
      name = "layered-garbage";
      tag = "1";
      contents = pkgs.nix;
      config = afterCollecting;
    };

    "garbage in an image" = dockerTools.buildImageWithNixDb {
      name = "garbage";
      tag = "1";
      copyToRoot = pkgs.nix;
      config = afterCollecting;
    };

    "a shell that runs" = dockerTools.buildNixShellImage {
      drv = shelled;
      name = "shell-run";
      tag = "1";
      run = inShell;
    };

    "a shell with a command" = dockerTools.streamNixShellImage {
      drv = shelled;
      tag = "1";
      command = inShell;
    };

    "a shell with a prompt" = dockerTools.streamNixShellImage {
      drv = shelled;
      name = "shell-prompt";
      tag = "1";
      uid = 0;
      gid = 0;
    };
  };

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
