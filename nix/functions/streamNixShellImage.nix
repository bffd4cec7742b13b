# A program that writes the archive of an image that behaves like `nix-shell` for a derivation:
# its environment is that of the build, and `buildDerivation` runs the builder.
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
  # The image name, registry prefix included.
  name ? drv.name + "-env",
  # Null stands for the hash of the description's output path.
  tag ? null,
  # The user that the shell runs as, and that owns Nix's folders.
  uid ? 1000,
  # The group of that user.
  gid ? 1000,
  # The home of that user. Nix itself has `/homeless-shelter`, which is not there.
  homeDirectory ? "/build",
  # The shell, which has to be bash.
  shell ? lib.getExe bash,
  # Bash that runs in an interactive shell in place of a prompt.
  command ? null,
  # Bash that runs in a shell that is not interactive.
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

  # Where the sandbox of Nix has it.
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

  # In the order in which Nix sets them: the derivation may change the first, not the last.
  environment = {
    SSL_CERT_FILE = certificates;
    NIX_SSL_CERT_FILE = certificates;
    # Nix has /path-not-set here, and the command of the image would not be found.
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

  # The user may build, and install with a Nix of its own.
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
