# The server: fetches as the laptops do, and is deployed in the same run as the rest.
{
  networking.hostName = "p510";
  services.openssh.enable = true;
  services.tailscale.enable = true;

  services.firn = {
    enable = true;
    preset = "agent";
    tiers = (import ./tiers.nix).all;
  };
}
