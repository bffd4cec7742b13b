# Gives the file that Bash reads before it is a shell for a derivation. It does what such a file of
# `nix-shell` does, so it is a script and not a part of `builder`.
{ lib, writeText }:

{
  # The path of the shell.
  shell,
  # The search path for programs that come before those of the derivation.
  path,
  # A Bash script that runs in the place of a prompt, or null.
  command,
  # A Bash script that runs in a shell that is not interactive, or null.
  run,
}:

writeText "nix-shell-rc" (
  ''
    unset PATH
    dontAddDisableDepTrack=1
    if [ -e $stdenv/setup ]; then source $stdenv/setup; fi
    PATH=${path}:"$PATH"
    SHELL=${lib.escapeShellArg shell}
    BASH=${lib.escapeShellArg shell}
    set +e
    if [ -n "$PS1" ] && [ -z "$NIX_SHELL_PRESERVE_PROMPT" ]; then
      PS1='\n\[\033[1;32m\][nix-shell:\w]\$\[\033[0m\] '
    fi
    if [ "$(type -t runHook)" = function ]; then runHook shellHook; fi
    unset NIX_ENFORCE_PURITY
    shopt -u nullglob
    shopt -s execfail
  ''
  + lib.optionalString (command != null || run != null) ''
    ${lib.optionalString (command != null) command}
    ${lib.optionalString (run != null) run}
    exit
  ''
)
