# Gives a program that writes an image archive to its standard output. The image behaves like
# `nix-shell` for a derivation: its environment is that of the build, and `buildDerivation` runs the
# derivation's builder.
{
  bash,
  binSh,
  cacert,
  devShellTools,
  fakeNss,
  lib,
  nixShellRc,
  streamLayeredImage,
  usrBinEnv,
  writeShellScriptBin,
}:

{
  # The derivation whose build environment the image has.
  drv,
  # The name of the image, with the prefix of its registry if it has one.
  name ? drv.name + "-env",
  # The tag of the image. Null stands for the hash part of the description's output path.
  tag ? null,
  # The ID of the user that the shell runs as. The user owns Nix's directories.
  uid ? 1000,
  # The ID of the user's group.
  gid ? 1000,
  # The home directory of the user. Nix itself has `/homeless-shelter`, which does not exist.
  homeDirectory ? "/build",
  # The path of the shell, which has to be Bash.
  shell ? lib.getExe bash,
  # A Bash script that runs in an interactive shell in the place of a prompt.
  command ? null,
  # A Bash script that runs in a shell that is not interactive.
  run ? null,
}:

assert lib.assertMsg (!(drv.drvAttrs.__structuredAttrs or false))
  "streamNixShellImage: Does not work with the derivation ${drv.name} because it uses __structuredAttrs";
assert lib.assertMsg (
  command == null || run == null
) "streamNixShellImage: Can't specify both command and run";

let
  inherit (devShellTools) valueToString;

  user = toString uid;
  group = toString gid;

  # This is the build directory in Nix's sandbox.
  buildDirectory = "/build";

  buildDerivation = writeShellScriptBin "buildDerivation" ''
    exec ${
      lib.escapeShellArgs (map valueToString ([ drv.drvAttrs.builder ] ++ drv.drvAttrs.args or [ ]))
    }
  '';
  path = "${dirOf shell}:${lib.makeBinPath [ buildDerivation ]}";

  rc = nixShellRc {
    inherit
      shell
      path
      command
      run
      ;
  };

  certificates = "${cacert}/etc/ssl/certs/ca-bundle.crt";

  # The variables are in the order in which Nix sets them. The derivation can change those above its
  # own, and not those below.
  environment = {
    SSL_CERT_FILE = certificates;
    NIX_SSL_CERT_FILE = certificates;
    # Nix has /path-not-set here, with which the command of the image would not be found.
    PATH = path;
    HOME = homeDirectory;
    NIX_STORE = builtins.storeDir;
    NIX_BUILD_CORES = "1";
  }
  // devShellTools.unstructuredDerivationInputEnv { inherit (drv) drvAttrs; }
  // devShellTools.derivationOutputEnv {
    outputList = drv.outputs;
    outputMap = drv;
  }
  // lib.genAttrs [
    "NIX_BUILD_TOP"
    "TMPDIR"
    "TEMPDIR"
    "TMP"
    "TEMP"
    "PWD"
  ] (_name: buildDirectory)
  // {
    TERM = "xterm-256color";
  };
in
streamLayeredImage {
  inherit name tag;

  contents = [
    binSh
    usrBinEnv
    (fakeNss.override {
      extraPasswdLines = [ "nixbld:x:${user}:${group}:Build user:${homeDirectory}:/noshell" ];
      extraGroupLines = [ "nixbld:!:${group}:" ];
    })
  ];

  # The user can build, and can install with a Nix of their own.
  fakeRootCommands = ''
    mkdir -p ./nix/{store,var/nix} ./etc/nix .${buildDirectory}
    chown -R ${user}:${group} ./nix ./etc/nix .${buildDirectory}
  '';

  config = {
    User = "${user}:${group}";
    Cmd = [ shell ] ++ lib.optional (run == null) "--rcfile" ++ [ rc ];
    WorkingDir = buildDirectory;
    Env = lib.mapAttrsToList (variable: value: "${variable}=${value}") environment;
  };
}
