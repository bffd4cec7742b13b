# The first parts of `$stdenv/setup`: inputs, hooks, messages, the phases of a build.

nixLog() {
  printf '%s\n' "$*" >&"${NIX_LOG_FD:-2}"
}

nixErrorLog() { (("${NIX_DEBUG:-0}" < 0)) || nixLog "ERROR: $*"; }
nixWarnLog() { (("${NIX_DEBUG:-0}" < 1)) || nixLog "WARNING: $*"; }
nixInfoLog() { (("${NIX_DEBUG:-0}" < 3)) || nixLog "INFO: $*"; }
nixDebugLog() { (("${NIX_DEBUG:-0}" < 6)) || nixLog "DEBUG: $*"; }

echoCmd() {
  printf '%s:' "$1"
  shift
  printf ' %q' "$@"
  echo
}

# Prints the elements of the variable named $1, which is an array or a string of words.
listOf() {
  declare -p "$1" >/dev/null 2>&1 || return 0
  local -n __list=$1
  echo "${__list[*]}"
}

# Appends to the array $1 the elements of the variables named after it.
concatTo() {
  local -n __target=$1
  shift
  local name
  for name in "$@"; do
    local default=
    if [[ $name == *=* ]]; then
      default=${name#*=}
      name=${name%%=*}
    fi
    if declare -p "$name" >/dev/null 2>&1; then
      local -n __source=$name
      if [[ $(declare -p "$name") == "declare -a"* ]]; then
        __target+=("${__source[@]}")
      else
        # Words of a string, as they came from the environment.
        __target+=(${__source:-$default})
      fi
      unset -n __source
    elif [[ -n $default ]]; then
      __target+=($default)
    fi
  done
}

addToSearchPath() {
  addToSearchPathWithCustomDelimiter : "$@"
}

addToSearchPathWithCustomDelimiter() {
  local delimiter=$1 name=$2 directory=$3
  if [[ -d $directory ]]; then
    export "$name=${!name:+${!name}$delimiter}$directory"
  fi
}

# Adds the package $1 and what it propagates by the file $3 to the array $2.
findInputs() {
  local package=$1 list=$2 propagated=$3 next
  [[ $__seen != *" $package "* ]] || return 0
  __seen+="$package "
  if [[ ! -e $package ]]; then
    echo "build input $package does not exist" >&2
    exit 1
  fi
  local -n __inputs=$list
  __inputs+=("$package")
  unset -n __inputs
  if [[ -f $package/nix-support/$propagated ]]; then
    for next in $(<"$package/nix-support/$propagated"); do
      findInputs "$next" "$list" "$propagated"
    done
  fi
}

sourceHook() {
  local options
  options=$(shopt -po nounset || true)
  set +u
  if [[ -f $1 ]]; then
    source "$1"
  elif [[ -f $1/nix-support/setup-hook ]]; then
    source "$1/nix-support/setup-hook"
  fi
  eval "$options"
}

activatePackage() {
  sourceHook "$1"
  addToSearchPath _PATH "$1/bin"
}

# Calls what is named $1: a function, or the text of a variable.
callHook() {
  if declare -F "$1" >/dev/null; then
    "$1"
  elif [[ -n ${!1:-} ]]; then
    eval "${!1}"
  fi
}

# Runs the hook $1 and everything in the array $1s, e.g. preBuild and preBuildHooks.
runHook() {
  local hookName=$1 options hook
  shift
  options=$(shopt -po nounset || true)
  set +u
  callHook "$hookName"
  local -n __hooks="${hookName%Hook}Hooks"
  for hook in "${__hooks[@]}"; do
    if declare -F "$hook" >/dev/null; then "$hook" "$@"; else eval "$hook"; fi
  done
  unset -n __hooks
  eval "$options"
}

exitHandler() {
  exitCode=$?
  set +e
  if ((exitCode != 0)); then
    runHook failureHook
    if [[ -n ${succeedOnFailure:-} ]]; then
      echo "build failed with exit code $exitCode (ignored)"
      mkdir -p "$out/nix-support"
      printf '%s' "$exitCode" >"$out/nix-support/failed"
      exit 0
    fi
  else
    runHook exitHook
  fi
  return "$exitCode"
}

runPhase() {
  local curPhase=$1
  case $curPhase in
    unpackPhase) [[ -z ${dontUnpack:-} ]] || return 0 ;;
    patchPhase) [[ -z ${dontPatch:-} ]] || return 0 ;;
    configurePhase) [[ -z ${dontConfigure:-} ]] || return 0 ;;
    buildPhase) [[ -z ${dontBuild:-} ]] || return 0 ;;
    checkPhase) [[ -n ${doCheck:-} ]] || return 0 ;;
    installPhase) [[ -z ${dontInstall:-} ]] || return 0 ;;
    fixupPhase) [[ -z ${dontFixup:-} ]] || return 0 ;;
    installCheckPhase) [[ -n ${doInstallCheck:-} ]] || return 0 ;;
  esac
  echo "Running phase: $curPhase"
  if [[ -n ${!curPhase:-} ]]; then
    eval "${!curPhase}"
  else
    "$curPhase"
  fi
  [[ $curPhase != unpackPhase ]] || cd -- "${sourceRoot:-.}"
}

unpackPhase() {
  runHook preUnpack
  local sources=() archive
  concatTo sources srcs=
  ((${#sources[@]})) || sources=(${src:-})
  if ((${#sources[@]} == 0)); then
    echo 'variable $src or $srcs should point to the source' >&2
    exit 1
  fi
  for archive in "${sources[@]}"; do
    if [[ -d $archive ]]; then
      sourceRoot=${sourceRoot:-$(stripHash "$archive")}
      cp -r --preserve=timestamps --reflink=auto -- "$archive" "$sourceRoot"
    else
      tar xf "$archive" --mode=+w --warning=no-timestamp
    fi
  done
  if [[ -z ${sourceRoot:-} ]]; then
    local directories=(*/)
    if ((${#directories[@]} != 1)); then
      echo "unpacker did not give exactly one directory; set sourceRoot" >&2
      exit 1
    fi
    sourceRoot=${directories[0]%/}
  fi
  chmod -R u+w -- "$sourceRoot"
  runHook postUnpack
}

patchPhase() {
  runHook prePatch
  local all=() each
  concatTo all patches
  for each in "${all[@]}"; do
    echo "applying patch $each"
    patch -p1 <"$each"
  done
  runHook postPatch
}

configurePhase() {
  runHook preConfigure
  if [[ -x ./configure ]]; then
    local flags=()
    concatTo flags configureFlags
    ./configure "--prefix=${prefix:-$out}" "${flags[@]}"
  fi
  runHook postConfigure
}

buildPhase() {
  runHook preBuild
  if [[ -n ${makefile:-} || -e Makefile || -e makefile || -e GNUmakefile ]]; then
    local flags=()
    concatTo flags makeFlags buildFlags
    make ${makefile:+-f "$makefile"} "SHELL=$SHELL" "${flags[@]}"
  else
    echo "no Makefile or custom buildPhase, doing nothing"
  fi
  runHook postBuild
}

checkPhase() {
  runHook preCheck
  make "SHELL=$SHELL" ${checkTarget:-check}
  runHook postCheck
}

installPhase() {
  runHook preInstall
  local flags=()
  concatTo flags makeFlags installFlags installTargets=install
  make "SHELL=$SHELL" "prefix=${prefix:-$out}" "${flags[@]}"
  runHook postInstall
}

fixupPhase() {
  local name
  runHook preFixup
  for name in $(getAllOutputNames); do
    [[ -n ${dontPatchShebangs:-} || ! -d ${!name} ]] || patchShebangs "${!name}"
  done
  if [[ -n ${setupHook:-} ]]; then
    mkdir -p "$out/nix-support"
    substituteAll "$setupHook" "$out/nix-support/setup-hook"
  fi
  if [[ -n $(listOf propagatedBuildInputs) ]]; then
    mkdir -p "$out/nix-support"
    listOf propagatedBuildInputs >"$out/nix-support/propagated-build-inputs"
  fi
  runHook postFixup
}

installCheckPhase() {
  runHook preInstallCheck
  runHook postInstallCheck
}

# `/nix/store/HASH-name` is `name`.
stripHash() {
  local name=${1##*/}
  [[ ! $name =~ ^[a-z0-9]{32}- ]] || name=${name:33}
  echo "$name"
}

genericBuild() {
  export GZIP_NO_TIMESTAMPS=1
  if [[ -f ${buildCommandPath:-} ]]; then
    source "$buildCommandPath"
    return
  fi
  if [[ -n ${buildCommand:-} ]]; then
    eval "$buildCommand"
    return
  fi
  local all=() curPhase
  concatTo all phases
  if ((${#all[@]} == 0)); then
    concatTo all prePhases=
    all+=(unpackPhase patchPhase)
    concatTo all preConfigurePhases=
    all+=(configurePhase)
    concatTo all preBuildPhases=
    all+=(buildPhase checkPhase)
    concatTo all preInstallPhases=
    all+=(installPhase)
    concatTo all preFixupPhases=
    all+=(fixupPhase installCheckPhase)
    concatTo all postPhases=
  fi
  for curPhase in "${all[@]}"; do
    runPhase "$curPhase"
  done
}
