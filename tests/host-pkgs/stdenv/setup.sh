# The last part of `$stdenv/setup`: settles the environment of a build. It comes after the
# functions of substitute.sh and phases.sh, and behaves like nixpkgs' setup for the caller: -u is
# off again at its end, pipefail and nullglob stay on.
__setup_options=$-
set -eu
set -o pipefail
shopt -s nullglob
shopt -s inherit_errexit

# With structured attributes there are no environment variables; they are in a file, which a shell
# that a build starts has not read yet.
if ! declare -p outputs >/dev/null 2>&1; then
  for __attrs in "${NIX_ATTRS_SH_FILE:-}" "${NIX_BUILD_TOP:-.}/.attrs.sh" ./.attrs.sh; do
    if [[ -n $__attrs && -e $__attrs ]]; then
      source "$__attrs"
      break
    fi
  done
  unset -v __attrs
fi

__structuredAttrs=
if [[ -e ${NIX_ATTRS_SH_FILE:-} || -e ${NIX_BUILD_TOP:-.}/.attrs.sh ]]; then
  __structuredAttrs=1
fi

if [[ $(declare -p outputs 2>/dev/null || true) == "declare -A"* ]]; then
  for __name in "${!outputs[@]}"; do
    export "$__name=${outputs[$__name]}"
  done
  if [[ $(declare -p env 2>/dev/null || true) == "declare -A"* ]]; then
    for __name in "${!env[@]}"; do
      export "$__name=${env[$__name]}"
    done
  fi
  unset -v __name
fi

getAllOutputNames() {
  if [[ $(declare -p outputs) == "declare -A"* ]]; then
    echo "${!outputs[*]}"
  else
    echo "$outputs"
  fi
}

# 1 January 1980: the earliest time that zip can store.
: "${SOURCE_DATE_EPOCH:=315532800}"
export SOURCE_DATE_EPOCH
export TZ=UTC
export CONFIG_SHELL="$SHELL"
umask 0022

trap exitHandler EXIT

PATH=
for __dir in $initialPath; do
  addToSearchPath PATH "$__dir/bin"
done
if [[ -z ${initialHostPath:-} ]]; then
  HOST_PATH=$PATH
fi
export HOST_PATH PATH

# Dependencies: their programs, and what their setup hooks define.
pkgsBuildHost=()
pkgsHostTarget=()
__seen=" "
for __dir in $(listOf depsBuildBuild) $(listOf nativeBuildInputs); do
  findInputs "$__dir" pkgsBuildHost propagated-native-build-inputs
done
for __dir in $(listOf propagatedNativeBuildInputs); do
  findInputs "$__dir" pkgsBuildHost propagated-native-build-inputs
done
for __dir in $(listOf depsHostHost) $(listOf buildInputs) $(listOf propagatedBuildInputs); do
  findInputs "$__dir" pkgsHostTarget propagated-build-inputs
done

_PATH=
for __dir in "${pkgsBuildHost[@]}"; do
  activatePackage "$__dir"
done
for __dir in "${pkgsHostTarget[@]}"; do
  if [[ -n ${strictDeps:-} ]]; then
    sourceHook "$__dir"
    addToSearchPath HOST_PATH "$__dir/bin"
  else
    activatePackage "$__dir"
  fi
done
PATH=$_PATH${_PATH:+:}$PATH
unset -v __dir __seen _PATH

# 0 stands for all processors.
NIX_BUILD_CORES=${NIX_BUILD_CORES:-1}
if [[ -z ${NIX_BUILD_CORES//[^0-9]/} ]]; then
  NIX_BUILD_CORES=1
elif ((NIX_BUILD_CORES <= 0)); then
  NIX_BUILD_CORES=$(nproc)
fi
export NIX_BUILD_CORES

unset -v XDG_DATA_DIRS

[[ -z ${userHook:-} ]] || eval "$userHook"
runHook postHook
runHook userHook

# What the caller had switched off is off again, for those who source this by hand.
[[ $__setup_options == *e* ]] || set +e
[[ $__setup_options == *u* ]] || set +u
unset -v __setup_options
