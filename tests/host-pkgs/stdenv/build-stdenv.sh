# Puts `setup` together: what differs between environments, then our scripts.
mkdir -p "$out/nix-support"
{
  echo "export SHELL=$shell"
  echo "initialPath=\"$initialPath\""
  cat "$substitutions" "$phases" "$setup"
} >"$out/setup"
