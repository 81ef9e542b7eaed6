# The least that deploys like a NixOS system: a folder with bin/switch-to-configuration, made by
# /bin/sh alone. Delete this file when your flake has nixpkgs.
{
  hostName,
  modules,
  system ? "x86_64-linux",
}:
let
  build =
    name: script: more:
    derivation (
      {
        inherit name system;
        builder = "/bin/sh";
        PATH = "/bin:/usr/bin:/run/current-system/sw/bin";
        args = [
          "-euc"
          script
        ];
      }
      // more
    );

  # Shared by all four: built once, fetched by each.
  kernel = build "linux-6.1" "mkdir $out; head -c 65536 /dev/zero > $out/bzImage" { };
  software = build "system-path" "mkdir -p $out/bin; cat $modules > $out/modules" {
    inherit modules;
  };
in
build "nixos-system-${hostName}"
  ''
    mkdir -p $out/bin
    ln -s $kernel $out/kernel
    ln -s $software $out/sw
    echo $hostName > $out/host-name
    echo example > $out/nixos-version
    printf %s $system > $out/system
    cp $switchPath $out/bin/switch-to-configuration
    sed -i "s|@out@|$out|g" $out/bin/switch-to-configuration
    chmod +x $out/bin/switch-to-configuration
  ''
  {
    inherit hostName kernel software;
    preferLocalBuild = true;
    allowSubstitutes = false;
    passAsFile = [ "switch" ];
    # NixOS's own restarts services here; the order, the lock and the exit codes are the same.
    switch = ''
      #!/bin/sh
      mkdir -p /run/nixos
      exec 9>>/run/nixos/switch-to-configuration.lock
      flock -n 9 || { echo "Could not acquire lock" >&2; exit 1; }
      case $1 in
      switch | boot)
          mkdir -p /boot && echo "@out@" > /boot/default.new && mv /boot/default.new /boot/default
          ;;
      esac
      case $1 in
      switch | test)
          ln -sfn "@out@" /run/current-system.new && mv -fT /run/current-system.new /run/current-system
          ;;
      esac
    '';
  }
