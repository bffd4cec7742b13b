# Setup hook: programs that set the surroundings of another program.

# makeWrapper EXECUTABLE WRAPPER [--set|--set-default VARIABLE VALUE] [--unset VARIABLE]
#   [--run COMMAND] [--chdir DIRECTORY] [--add-flags TEXT] [--append-flags TEXT] [--add-flag WORD]
#   [--append-flag WORD] [--argv0 NAME | --inherit-argv0] [--prefix|--suffix VARIABLE SEPARATOR VALUE]
makeWrapper() {
  local original=$1 wrapper=$2 before="" after="" argv0="" script=""
  shift 2
  if [[ ! -x $original || ! -f $original ]]; then
    echo "makeWrapper: Cannot wrap '$original' because it is not an executable file" >&2
    return 1
  fi
  while (($#)); do
    case $1 in
      --set)
        script+="export $2=${3@Q}"$'\n'
        shift 3
        ;;
      --set-default)
        script+="export $2=\${$2-${3@Q}}"$'\n'
        shift 3
        ;;
      --unset)
        script+="unset $2"$'\n'
        shift 2
        ;;
      --run)
        script+="$2"$'\n'
        shift 2
        ;;
      --chdir)
        script+="cd ${2@Q}"$'\n'
        shift 2
        ;;
      --add-flags)
        before+=" $2"
        shift 2
        ;;
      --append-flags)
        after+=" $2"
        shift 2
        ;;
      --add-flag)
        before+=" ${2@Q}"
        shift 2
        ;;
      --append-flag)
        after+=" ${2@Q}"
        shift 2
        ;;
      --argv0)
        argv0="-a ${2@Q}"
        shift 2
        ;;
      --inherit-argv0)
        argv0='-a "$0"'
        shift
        ;;
      --prefix)
        script+="export $2=${4@Q}\${$2:+${3@Q}\$$2}"$'\n'
        shift 4
        ;;
      --suffix)
        script+="export $2=\${$2:+\$$2${3@Q}}${4@Q}"$'\n'
        shift 4
        ;;
      *)
        echo "makeWrapper doesn't understand the arg $1" >&2
        return 1
        ;;
    esac
  done
  mkdir -p "$(dirname "$wrapper")"
  {
    echo "#! @shell@ -e"
    printf '%s' "$script"
    echo "exec ${argv0:+$argv0 }\"$original\"$before \"\$@\"$after"
  } >"$wrapper"
  chmod +x "$wrapper"
}

makeShellWrapper() {
  makeWrapper "$@"
}

# wrapProgram PROGRAM [as makeWrapper]: the program itself moves aside.
wrapProgram() {
  local program=$1 hidden
  shift
  hidden=$(dirname "$program")/.$(basename "$program")-wrapped
  while [[ -e $hidden ]]; do hidden+=_; done
  mv "$program" "$hidden"
  makeWrapper "$hidden" "$program" --inherit-argv0 "$@"
}
