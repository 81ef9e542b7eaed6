# The laptop where you sit: it knows the hosts too, so that `firn deploy` works in any folder.
{
  imports = [ ./laptop.nix ];
  networking.hostName = "razer";

  services.firn.settings.deploy = {
    # Where you keep this flake.
    flake = "/etc/nixos";
    via = "builder";
    offline = "queue";
  };

  services.firn.hosts = {
    p620 = {
      addresses = [
        "p620.lan"
        "p620.example.ts.net"
      ];
      user = "root";
      mac = "02:00:00:00:06:20";
      builder = "p620";
      tags = [ "workstation" ];
    };
    samsung = {
      addresses = [
        "samsung.lan"
        "samsung.example.ts.net"
      ];
      user = "root";
      builder = "p620";
      tags = [ "laptop" ];
    };
    razer = {
      addresses = [
        "razer.lan"
        "razer.example.ts.net"
      ];
      user = "root";
      builder = "p620";
      tags = [ "laptop" ];
    };
    p510 = {
      addresses = [
        "p510.lan"
        "p510.example.ts.net"
      ];
      user = "root";
      builder = "p620";
      tags = [ "server" ];
      # Looked at on the host after a switch, before it is kept.
      health.units = [ "sshd.service" ];
    };
  };
}
