# The workstation: builds for all, serves what it built, and collects garbage weekly.
{
  networking.hostName = "p620";
  services.openssh.enable = true;
  services.tailscale.enable = true;

  services.firn = {
    enable = true;
    preset = "builder";
    tiers = (import ./tiers.nix).public;
    # Made by `firn key generate p620-1 --out /etc/nix`; systemd reads it, Firn's user cannot.
    settings.signing.keys = [ "/etc/nix/p620-1.secret" ];
    settings.depot.max-size = "200GB";
    openFirewall = true;
    openFirewallForTailscale = true;
  };

  # What hosts run and could go back to is kept: Firn makes roots of it with each deploy.
  nix.gc = {
    automatic = true;
    dates = "weekly";
    options = "--delete-older-than 30d";
  };
}
