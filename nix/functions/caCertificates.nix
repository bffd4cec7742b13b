# Gives the certificates of the certificate authorities, in the places where programs of several
# distributions look for them.
{ cacert, lib, linkFarm }:

linkFarm "ca-certificates" (
  lib.genAttrs [
    # Older versions of NixOS.
    "etc/ssl/certs/ca-bundle.crt"
    # NixOS, Debian, Arch and Gentoo.
    "etc/ssl/certs/ca-certificates.crt"
    # CentOS and Fedora.
    "etc/pki/tls/certs/ca-bundle.crt"
  ] (_place: "${cacert}/etc/ssl/certs/ca-bundle.crt")
)
