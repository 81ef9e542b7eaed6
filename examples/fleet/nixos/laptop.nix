# Both laptops: never build what p620 can build, never wait for p620 when it is off, and move few bytes.
{
  services.openssh.enable = true;
  services.tailscale.enable = true;

  services.firn = {
    enable = true;
    preset = "agent";
    tiers = (import ./tiers.nix).all;
  };
}
