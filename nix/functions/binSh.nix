# Gives `/bin/sh`, as a symlink to Bash.
{ linkFarm, bash, lib }:

linkFarm "bin-sh" { "bin/sh" = lib.getExe bash; }
