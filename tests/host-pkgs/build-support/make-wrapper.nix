# `makeWrapper`: a package whose setup hook defines the shell functions `makeWrapper` and
# `wrapProgram`.
{ runCommand, runtimeShell }:

runCommand "make-shell-wrapper-hook" { shell = runtimeShell; } ''
  mkdir -p $out/nix-support
  substitute ${./make-wrapper.sh} $out/nix-support/setup-hook --subst-var shell
''
