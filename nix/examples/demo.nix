# Gives the image of the demo: a Redis server on top of an image with its users and its settings.
{
  buildImage,
  redis,
  writeTextDir,
  # The package that has `bin/redis-server`.
  server ? redis,
}:

let
  base = buildImage {
    name = "redis-base";
    tag = "1";
    copyToRoot = writeTextDir "etc/passwd" ''
      root:x:0:0:root:/root:/noshell
      redis:x:999:999:Redis:/data:/noshell
    '';
    config.Env = [
      "LANG=C.UTF-8"
      "PATH=/bin"
    ];
  };
in
buildImage {
  name = "redis";
  tag = "demo";
  fromImage = base;
  copyToRoot = server;
  config = {
    Cmd = [
      "${server}/bin/redis-server"
      "--bind"
      "0.0.0.0"
      "--protected-mode"
      "no"
    ];
    Env = [ "REDIS_DATA=/data" ];
    ExposedPorts."6379/tcp" = { };
    Volumes."/data" = { };
    WorkingDir = "/data";
  };
}
