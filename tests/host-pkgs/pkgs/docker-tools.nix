# Stands where nixpkgs' `dockerTools` stands, for an overlay to extend: the small attributes work,
# the functions that make images say that they are missing.
{
  lib,
  bash,
  cacert,
  coreutils,
  fakeNss,
  runCommand,
  runtimeShell,
  shadow,
  tarsum,
  writeScript,
}:

let
  absent = name: _: throw "host-pkgs: dockerTools.${name} needs nixpkgs' dockerTools";
in
lib.genAttrs [
  "buildImage"
  "buildImageWithNixDb"
  "buildLayeredImage"
  "buildLayeredImageWithNixDb"
  "buildNixShellImage"
  "exportImage"
  "mergeDrvs"
  "mergeImages"
  "mkPureLayer"
  "mkRootLayer"
  "pullImage"
  "runWithOverlay"
  "streamLayeredImage"
  "streamNixShellImage"
] absent
// {
  inherit fakeNss tarsum;

  shellScript =
    name: text:
    writeScript name ''
      #!${runtimeShell}
      set -e
      export PATH=${coreutils}/bin:/bin
      ${text}
    '';

  # For `runAsRoot`: makes the tools that add users work in a new root.
  shadowSetup = ''
    export PATH=${shadow}/bin:$PATH
    mkdir -p /etc/pam.d
    if [[ ! -f /etc/passwd ]]; then
      echo "root:x:0:0::/root:${runtimeShell}" > /etc/passwd
      echo "root:!x:::::::" > /etc/shadow
    fi
    if [[ ! -f /etc/group ]]; then
      echo "root:x:0:" > /etc/group
      echo "root:x::" > /etc/gshadow
    fi
    if [[ ! -f /etc/pam.d/other ]]; then
      printf '%s\n' \
        "account sufficient pam_unix.so" \
        "auth sufficient pam_rootok.so" \
        "password requisite pam_unix.so nullok yescrypt" \
        "session required pam_unix.so" > /etc/pam.d/other
    fi
    if [[ ! -f /etc/login.defs ]]; then
      touch /etc/login.defs
    fi
  '';

  usrBinEnv = runCommand "usr-bin-env" { } ''
    mkdir -p $out/usr/bin
    ln -s ${coreutils}/bin/env $out/usr/bin
  '';

  binSh = runCommand "bin-sh" { } ''
    mkdir -p $out/bin
    ln -s ${lib.getExe bash} $out/bin/sh
  '';

  caCertificates = runCommand "ca-certificates" { } ''
    mkdir -p $out/etc/ssl/certs $out/etc/pki/tls/certs
    ln -s ${cacert}/etc/ssl/certs/ca-bundle.crt $out/etc/ssl/certs/ca-bundle.crt
    ln -s ${cacert}/etc/ssl/certs/ca-bundle.crt $out/etc/ssl/certs/ca-certificates.crt
    ln -s ${cacert}/etc/ssl/certs/ca-bundle.crt $out/etc/pki/tls/certs/ca-bundle.crt
  '';
}
