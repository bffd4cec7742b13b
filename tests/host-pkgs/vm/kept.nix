# The state of a VM that has started, but knows neither its disk nor its folders yet: `state`, and
# `options`, which `QEMU_OPTS` has to be in a VM that goes on from there.
{
  busybox,
  # QEMU's command line as shell text, with `$accelerator`, `$drive`, `$keep` and `$QEMU_OPTS` in it.
  command,
  accelerator,
  # What `QEMU_OPTS` is, but for the number of processors.
  options,
  runCommand,
}:

runCommand "vm-kept" { inherit accelerator options; } ''
  cpus=''${NIX_BUILD_CORES:-0}
  [ "$cpus" != 0 ] || cpus=$(nproc)
  QEMU_OPTS="$options -smp cpus=$cpus"
  mkdir $out xchg
  printf %s "$QEMU_OPTS" > $out/options

  mkfifo serial.{in,out} monitor.{in,out}
  drive=file=null-co://,format=raw
  keep=keep
  ${command} -serial pipe:serial -monitor pipe:monitor &
  vm=$!
  exec 3<> serial.out 4<> monitor.in
  until [[ ''${line-} == started* ]]; do
    read -r -t 100 line <&3
  done

  # Outside of the sandbox, ports are everyone's.
  port=$((20000 + RANDOM % 10000))
  ${busybox}/bin/busybox nc -l -p $port > $out/state < /dev/null &
  receiver=$!
  while [ ! -s $out/state ]; do
    kill -0 $vm $receiver
    echo "migrate tcp:127.0.0.1:$port" >&4
    sleep 0.2
  done
  wait $receiver
  echo quit >&4
  wait $vm
''
