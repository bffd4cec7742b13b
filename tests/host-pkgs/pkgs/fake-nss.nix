# The least of /etc that programs need to look up users and hosts, with an empty /var/empty.
{
  lib,
  symlinkJoin,
  writeTextDir,
  runCommand,
  # Lines to put behind ours.
  extraPasswdLines ? [ ],
  extraGroupLines ? [ ],
}:

symlinkJoin {
  name = "fake-nss";
  paths = [
    (writeTextDir "etc/passwd" (
      lib.concatLines (
        [ "root:x:0:0:root user:/var/empty:/bin/sh" ]
        ++ [ "nobody:x:65534:65534:nobody:/var/empty:/bin/sh" ]
        ++ extraPasswdLines
      )
    ))
    (writeTextDir "etc/group" (
      lib.concatLines (
        [
          "root:x:0:"
          "nobody:x:65534:"
        ]
        ++ extraGroupLines
      )
    ))
    (writeTextDir "etc/nsswitch.conf" ''
      hosts: files dns
    '')
    (runCommand "var-empty" { } ''
      mkdir -p $out/var/empty
    '')
  ];
}
