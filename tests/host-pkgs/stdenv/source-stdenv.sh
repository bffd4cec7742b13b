# The first argument of the default builder: brings in the attributes and `$stdenv/setup`, then
# goes on with the script named by the second argument.
if [ -e "${NIX_ATTRS_SH_FILE:-}" ]; then
  . "$NIX_ATTRS_SH_FILE"
elif [ -f .attrs.sh ]; then
  # Nix 2.8 names the file by its place outside the sandbox.
  . .attrs.sh
fi

source "$stdenv/setup"
source "$1"
