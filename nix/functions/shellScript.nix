# Gives a script that finds the core utilities where nothing else is installed.
{
  coreutils,
  runtimeShell,
  writeScript,
}:

# The name of the script.
name:

# The script itself, in Bash.
text:

writeScript name ''
  #!${runtimeShell}
  set -e
  export PATH=${coreutils}/bin:/bin
  ${text}
''
