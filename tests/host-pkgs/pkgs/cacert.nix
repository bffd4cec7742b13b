# The certificate authorities this machine trusts: the bundle that Debian's ca-certificates puts
# together when it is installed, under the name nixpkgs' package has for it.
{ runCommand }:

let
  bundle = /etc/ssl/certs/ca-certificates.crt;
in
if !builtins.pathExists bundle then
  throw "host-pkgs: the Debian package `ca-certificates` is not installed; run: apt-get install ca-certificates"
else
  runCommand "nss-cacert"
    {
      bundle = builtins.path {
        path = bundle;
        name = "ca-bundle.crt";
      };
    }
    ''
      install -D -m 0444 "$bundle" $out/etc/ssl/certs/ca-bundle.crt
    ''
