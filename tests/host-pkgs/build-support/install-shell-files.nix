# `installShellFiles`: a package whose setup hook defines the shell functions `installManPage` and
# `installShellCompletion`.
{ runCommand }:

runCommand "install-shell-files" { } ''
  install -D -m 0444 ${./install-shell-files.sh} $out/nix-support/setup-hook
''
