# Part of `$stdenv/setup`: changing texts and the first lines of scripts.

# Prints the text in the variable named $1 with the replacements that follow.
substituteStream() {
  local __name=$1 description=$2 pattern replacement
  shift 2
  while (($#)); do
    case $1 in
      --replace | --replace-warn | --replace-fail | --replace-quiet)
        pattern=$2
        replacement=$3
        if [[ ${!__name} != *"$pattern"* ]]; then
          case $1 in
            --replace-fail)
              echo "substituteStream() in derivation ${name:-}: ERROR: pattern $pattern doesn't match anything in $description" >&2
              return 1
              ;;
            --replace-quiet) ;;
            *) echo "substituteStream() in derivation ${name:-}: WARNING: pattern $pattern doesn't match anything in $description" >&2 ;;
          esac
        fi
        shift 3
        ;;
      --subst-var)
        if [[ ! $2 =~ ^[a-zA-Z_][a-zA-Z0-9_]*$ ]]; then
          echo "substituteStream(): ERROR: substitution variables must be valid Bash names, \"$2\" isn't." >&2
          return 1
        fi
        if [[ -z ${!2+set} ]]; then
          echo "substituteStream(): ERROR: variable \$$2 is unset" >&2
          return 1
        fi
        pattern=@$2@
        replacement=${!2}
        shift 2
        ;;
      --subst-var-by)
        pattern=@$2@
        replacement=$3
        shift 3
        ;;
      *)
        echo "substituteStream(): ERROR: Invalid command line argument: $1" >&2
        return 1
        ;;
    esac
    # The quotes keep `&` and glob characters as they are.
    printf -v "$__name" '%s' "${!__name//"$pattern"/"$replacement"}"
  done
  printf '%s' "${!__name}"
}

# Reads the file $2 into the variable named $1, closing newlines included.
consumeEntire() {
  if IFS='' read -r -d '' "$1" <"$2"; then
    echo "consumeEntire(): ERROR: Input null bytes, won't process" >&2
    return 1
  fi
}

substitute() {
  local input=$1 output=$2 fileContents
  shift 2
  if [[ ! -f $input ]]; then
    echo "substitute(): ERROR: file '$input' does not exist" >&2
    return 1
  fi
  consumeEntire fileContents "$input" || return 1
  if [[ -e $output ]]; then chmod +w "$output"; fi
  substituteStream fileContents "file '$input'" "$@" >"$output.substituted" || {
    rm -f "$output.substituted"
    return 1
  }
  if [[ -e $output ]]; then
    # Keeps the mode of a file that is changed in place.
    cat "$output.substituted" >"$output"
    rm "$output.substituted"
  else
    mv "$output.substituted" "$output"
  fi
}

substituteInPlace() {
  local files=() file
  while (($#)) && [[ $1 != --* ]]; do
    files+=("$1")
    shift
  done
  if ((${#files[@]} == 0)); then
    echo "substituteInPlace(): ERROR: no files to operate on" >&2
    return 1
  fi
  for file in "${files[@]}"; do
    substitute "$file" "$file" "$@"
  done
}

# Replaces @name@ for every exported variable and output whose name starts in lower case.
substituteAll() {
  local input=$1 output=$2 variable flags=()
  for variable in $(compgen -v); do
    if [[ $variable == [a-z]* && $(declare -p "$variable" 2>/dev/null) != "declare -"[aA]* ]]; then
      flags+=(--subst-var "$variable")
    fi
  done
  substitute "$input" "$output" "${flags[@]}"
}

substituteAllInPlace() {
  substituteAll "$1" "$1"
}

# Gives the scripts below the arguments an interpreter found on PATH.
patchShebangs() {
  local file first interpreter arguments program
  while (($#)) && [[ $1 == --* ]]; do shift; done
  while IFS= read -r -d '' file; do
    IFS= read -r first <"$file" 2>/dev/null || continue
    [[ $first == '#!'* ]] || continue
    read -r interpreter arguments <<<"${first#\#!}"
    [[ $interpreter != "${NIX_STORE:-/nix/store}"/* ]] || continue
    if [[ $interpreter == */env ]]; then
      read -r interpreter arguments <<<"$arguments"
    fi
    program=$(PATH=$PATH type -P "${interpreter##*/}" || true)
    [[ -n $program ]] || continue
    sed -i -e "1 s|.*|#!$program${arguments:+ $arguments}|" "$file"
  done < <(find "$@" -type f -perm -0100 -print0)
}
