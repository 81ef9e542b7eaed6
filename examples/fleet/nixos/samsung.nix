{
  imports = [ ./laptop.nix ];
  networking.hostName = "samsung";
}
