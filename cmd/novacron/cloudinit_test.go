package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	firstKey  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGUPkJgmCKbH7PiFnFQ0yyAhGv6VK1oCUQYdKXjDcBLr ada@home"
	secondKey = "ssh-rsa AAAAB3 bo"
)

func TestGuestsAreTold(t *testing.T) {
	directory := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	script, network := file("setup.sh", "#!/bin/sh\n"), file("network.yaml", "version: 2\n")
	keys := file("keys.pub", "# of the team\n"+firstKey+"\n\n"+secondKey+"\n")
	server := operating(t, "POST /vms", "provision", "succeeded", "")
	got := call(t, server, "vm", "create", "web-1", "--image", "i", "--user-data", script, "--network-config", network, "--ssh-key", keys, "--ssh-key", "ssh-rsa BBBB")
	want := `"cloud_init":{"user_data":"#!/bin/sh\n","network_config":"version: 2\n","ssh_keys":["` + firstKey + `","` + secondKey + `","ssh-rsa BBBB"]}`
	if got.status != exitDone || !strings.Contains(strings.Join(got.asked, "\n"), want) {
		t.Errorf("%+v", got)
	}
	for flag, says := range map[string]string{
		"--user-data=" + directory + "/none":                               "--user-data: the file cannot be read",
		"--user-data=" + directory:                                         "cannot be read",
		"--network-config=" + file("e", ""):                                "is empty",
		"--ssh-key=" + file("id", "-----BEGIN OPENSSH PRIVATE KEY-----\n"): "holds a private key",
	} {
		if got := call(t, serve(t, nil), "vm", "create", "web-1", "--image", "i", flag); got.status != exitUsage || !strings.Contains(got.err, says) || len(got.asked) > 0 {
			t.Errorf("%s: %+v", flag, got)
		}
	}
}

func TestShowWhatAGuestIsTold(t *testing.T) {
	server := serve(t, map[string]string{
		"GET /vms/web-1/cloud-init": `{"user_data":"#!/bin/sh\ntrue\n","ssh_keys":["` + firstKey + `"]}`,
		"GET /vms/web-2/cloud-init": `404 {"detail":"VM web-2 was made without cloud-init data","kind":"not_found"}`,
	})
	if got := call(t, server, "vm", "cloud-init", "web-1"); got.status != exitDone || !strings.Contains(got.out, firstKey) || !strings.Contains(got.out, "true") {
		t.Errorf("%+v", got)
	}
	if got := call(t, server, "vm", "cloud-init", "web-2"); got.status != exitFailed || !strings.Contains(got.err, "without cloud-init data") {
		t.Errorf("%+v", got)
	}
}
