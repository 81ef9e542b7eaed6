# SPDX-License-Identifier: Apache-2.0
# What the units may not do, which is nearly everything but reading the store and writing their state.
{
  service = {
    UMask = "0077";
    CapabilityBoundingSet = "";
    DeviceAllow = "";
    DevicePolicy = "closed";
    LockPersonality = true;
    MemoryDenyWriteExecute = true;
    NoNewPrivileges = true;
    PrivateDevices = true;
    PrivateMounts = true;
    PrivateTmp = true;
    PrivateUsers = true;
    ProcSubset = "pid";
    ProtectClock = true;
    ProtectControlGroups = true;
    ProtectHome = true;
    ProtectHostname = true;
    ProtectKernelLogs = true;
    ProtectKernelModules = true;
    ProtectKernelTunables = true;
    ProtectProc = "invisible";
    ProtectSystem = "strict";
    RemoveIPC = true;
    RestrictNamespaces = true;
    RestrictRealtime = true;
    RestrictSUIDSGID = true;
    SystemCallArchitectures = "native";
    # An error instead of the end, for what libraries only try.
    SystemCallErrorNumber = "EPERM";
    SystemCallFilter = [
      "@system-service"
      "~@privileged"
      "~@resources"
      # What is made ahead is made in threads that stand behind all others.
      "setpriority"
    ];
  };

  # systemd has opened the sockets, and they go on meaning the machine's network.
  withoutNetwork = {
    IPAddressDeny = "any";
    PrivateNetwork = true;
    RestrictAddressFamilies = [ "AF_UNIX" ];
  };

  # Netlink tells of interfaces, and of a network that changes.
  withNetwork.RestrictAddressFamilies = [
    "AF_INET"
    "AF_INET6"
    "AF_NETLINK"
    "AF_UNIX"
  ];
}
