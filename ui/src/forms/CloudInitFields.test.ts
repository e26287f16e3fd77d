import { expect, it } from "vitest";
import { toCloudInit, untold } from "./CloudInitFields";

it("tells nothing if nothing is filled in", () => {
  expect(toCloudInit(untold)).toBeUndefined();
  expect(toCloudInit({ ...untold, sshKeys: "\n# nobody\n" })).toBeUndefined();
});

it("takes each line for a key, and leaves the rest as it is", () => {
  expect(toCloudInit({ userData: "#!/bin/sh\n", networkConfig: "", sshKeys: " ssh-rsa A ada \n\n# bo\nssh-rsa B" })).toEqual({
    user_data: "#!/bin/sh\n",
    ssh_keys: ["ssh-rsa A ada", "ssh-rsa B"],
  });
});
