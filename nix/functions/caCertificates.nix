# The certificate authorities, where programs of the distributions look for them.
{ cacert, lib, linkFarm }:

linkFarm "ca-certificates" (
  lib.genAttrs [
    # NixOS as it was.
    "etc/ssl/certs/ca-bundle.crt"
    # NixOS, Debian, Arch, Gentoo.
    "etc/ssl/certs/ca-certificates.crt"
    # CentOS, Fedora.
    "etc/pki/tls/certs/ca-bundle.crt"
  ] (_place: "${cacert}/etc/ssl/certs/ca-bundle.crt")
)
