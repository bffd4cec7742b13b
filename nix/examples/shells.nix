# Gives the examples that are shells: images in which derivations are built.
{
  hello,
  mkShell,
  streamNixShellImage,
}:

let
  # A script that says whether the shell is interactive.
  interactiveness = ''
    if [[ $- == *i* ]]; then
      echo 'This shell is interactive'
    else
      echo 'This shell is not interactive'
    fi
  '';

  # A script that fails unless the environment and /etc/passwd name the same home directory.
  checkHome = ''
    listed=$(eval "echo ~$(whoami)")
    if [[ $HOME != "$listed" ]]; then
      echo "HOME is $HOME, but /etc/passwd says $listed" >&2
      exit 1
    fi
  '';
in
{
  nix-shell-basic = streamNixShellImage {
    name = "nix-shell-basic";
    tag = "latest";
    drv = hello;
  };

  nix-shell-hook = streamNixShellImage {
    name = "nix-shell-hook";
    tag = "latest";
    drv = mkShell { shellHook = "echo 'This is the shell hook!'; exit"; };
  };

  nix-shell-inputs = streamNixShellImage {
    name = "nix-shell-inputs";
    tag = "latest";
    drv = mkShell { nativeBuildInputs = [ hello ]; };
    command = "hello";
  };

  nix-shell-pass-as-file = streamNixShellImage {
    name = "nix-shell-pass-as-file";
    tag = "latest";
    drv = mkShell {
      str = "this is a string";
      passAsFile = [ "str" ];
    };
    command = ''cat "$strPath"'';
  };

  nix-shell-run = streamNixShellImage {
    name = "nix-shell-run";
    tag = "latest";
    drv = mkShell { };
    run = interactiveness;
  };

  nix-shell-command = streamNixShellImage {
    name = "nix-shell-command";
    tag = "latest";
    drv = mkShell { };
    command = interactiveness;
  };

  nix-shell-writable-home = streamNixShellImage {
    name = "nix-shell-writable-home";
    tag = "latest";
    drv = mkShell { };
    run = ''
      ${checkHome}
      touch "$HOME/test-file" || exit 1
      echo 'home directory is writable'
    '';
  };

  nix-shell-nonexistent-home = streamNixShellImage {
    name = "nix-shell-nonexistent-home";
    tag = "latest";
    drv = mkShell { };
    homeDirectory = "/homeless-shelter";
    run = ''
      ${checkHome}
      if [[ -e $HOME ]]; then exit 1; fi
      echo "home directory doesn't exist"
    '';
  };

  nix-shell-build-derivation = streamNixShellImage {
    name = "nix-shell-build-derivation";
    tag = "latest";
    drv = hello;
    run = ''
      buildDerivation
      $out/bin/hello
    '';
  };
}
