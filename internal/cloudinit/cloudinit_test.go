package cloudinit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	reader "github.com/kdomanski/iso9660"
	"pgregory.net/rapid"

	"github.com/novacron/novacron/internal/fault"
)

const (
	ed25519Key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGUPkJgmCKbH7PiFnFQ0yyAhGv6VK1oCUQYdKXjDcBLr ada@home"
	ecdsaKey   = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg= bo"
)

func multipartOf(parts ...string) string {
	text := "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"==b==\"\n\n"
	for _, each := range parts {
		text += "--==b==\n" + each + "\n"
	}
	return text + "--==b==--\n"
}

func TestWhatCanBeTold(t *testing.T) {
	script := "Content-Type: text/x-shellscript\n\n#!/bin/sh\ntrue"
	encoded := "Content-Type: text/cloud-config\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte("#cloud-config\nruncmd: [[ls]]\n"))
	for name, told := range map[string]CloudInit{
		"nothing":             {},
		"a cloud-config":      {UserData: "#cloud-config\nhostname: x\nruncmd:\n  - [ls, -l]\nusers: [default]\n"},
		"an empty one":        {UserData: "#cloud-config"},
		"one with nulls":      {UserData: "#cloud-config\nruncmd:\n"},
		"one of DOS":          {UserData: "#cloud-config\r\nruncmd: [ls]\r\n"},
		"one with an alias":   {UserData: "#cloud-config\nx: &a [ls]\nruncmd: *a\n"},
		"a script":            {UserData: "#!/bin/sh\necho '{{{'\n"},
		"a multipart":         {UserData: multipartOf(script, encoded)},
		"one in an envelope":  {UserData: "From nobody Thu Nov 26 06:00:00 2026\n" + multipartOf(script)},
		"a network, first":    {NetworkConfig: "version: 1\nconfig:\n  - type: physical\n    name: eth0\n"},
		"a network, second":   {NetworkConfig: "version: 2\nethernets:\n  all:\n    match: {name: 'e*'}\n    dhcp4: true\n"},
		"keys":                {SSHKeys: []string{ed25519Key, ecdsaKey, "  " + ed25519Key + "\n"}},
		"a key with a option": {SSHKeys: []string{`no-pty,command="/bin/true" ` + ed25519Key}},
	} {
		if err := told.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatCannotBeTold(t *testing.T) {
	for name, each := range map[string]struct {
		told        CloudInit
		field, says string
	}{
		"text":                    {CloudInit{UserData: "hello"}, "user_data", "line 1 of the user data must be #cloud-config"},
		"a longer first word":     {CloudInit{UserData: "#cloud-configs\n"}, "user_data", "line 1"},
		"too much":                {CloudInit{UserData: "#!" + strings.Repeat("x", MaxUserData)}, "user_data", "at most 65536"},
		"binary":                  {CloudInit{UserData: "#!\xff"}, "user_data", "UTF-8"},
		"a NUL":                   {CloudInit{UserData: "#!\x00"}, "user_data", "UTF-8"},
		"broken YAML":             {CloudInit{UserData: "#cloud-config\nruncmd:\n  - ls\n bad\n"}, "user_data", "of user_data: this is no YAML"},
		"a tab":                   {CloudInit{UserData: "#cloud-config\nruncmd:\n\t- ls\n"}, "user_data", "line 3 of user_data: this is no YAML"},
		"a list":                  {CloudInit{UserData: "#cloud-config\n- ls\n"}, "user_data", "line 2 of user_data: this must be a mapping of keys to values, not a list"},
		"two documents":           {CloudInit{UserData: "#cloud-config\na: 1\n---\nb: 2\n"}, "user_data", "a second document"},
		"a key twice":             {CloudInit{UserData: "#cloud-config\nruncmd: []\nx: 1\nruncmd: []\n"}, "user_data", `line 4 of user_data: "runcmd" is there twice`},
		"a command for commands":  {CloudInit{UserData: "#cloud-config\nruncmd: ls\n"}, "user_data", "line 2 of user_data: runcmd must be a list, not a single value"},
		"no version of MIME":      {CloudInit{UserData: "Content-Type: multipart/mixed; boundary=b\n\n--b--\n"}, "user_data", "MIME-Version"},
		"no multipart":            {CloudInit{UserData: "MIME-Version: 1.0\nContent-Type: text/plain\n\nx\n"}, "user_data", "multipart/mixed"},
		"no parts":                {CloudInit{UserData: multipartOf()}, "user_data", "has no parts"},
		"no end":                  {CloudInit{UserData: strings.TrimSuffix(multipartOf("Content-Type: text/plain\n\nx"), "--==b==--\n")}, "user_data", "breaks off"},
		"an odd part":             {CloudInit{UserData: multipartOf("Content-Type: image/png\n\nx")}, "user_data", "user_data, part 1: its Content-Type"},
		"a bad part":              {CloudInit{UserData: multipartOf("Content-Type: text/plain\n\nx", "Content-Type: text/cloud-config\n\n#cloud-config\n- x")}, "user_data", "line 2 of user_data, part 2: this must be a mapping"},
		"a script without a head": {CloudInit{UserData: multipartOf("Content-Type: text/x-shellscript\n\nls")}, "user_data", "line 1 of user_data, part 1: a script begins with #!"},
		"no version":              {CloudInit{NetworkConfig: "ethernets: {}\n"}, "network_config", "version: 1 or version: 2"},
		"a third version":         {CloudInit{NetworkConfig: "version: 3\n"}, "network_config", `line 1 of network_config: there is version 1 and version 2, and no version "3"`},
		"a wrapped network":       {CloudInit{NetworkConfig: "network:\n  version: 2\n"}, "network_config", `take the line "network:" out`},
		"version 1 without list":  {CloudInit{NetworkConfig: "version: 1\nconfig: {}\n"}, "network_config", "a list named config"},
		"a misspelt device":       {CloudInit{NetworkConfig: "version: 2\nethernet: {}\n"}, "network_config", `line 2 of network_config: version 2 has ethernets, bonds, bridges, vlans, and nothing named "ethernet"`},
		"devices in a list":       {CloudInit{NetworkConfig: "version: 2\nethernets: [eth0]\n"}, "network_config", "line 2 of network_config: ethernets must be a mapping"},
		"a network of text":       {CloudInit{NetworkConfig: "dhcp"}, "network_config", "must be a mapping"},
		"no key":                  {CloudInit{SSHKeys: []string{ed25519Key, "ssh-ed25519 AAAA"}}, "ssh_keys[1]", "no public SSH key"},
		"an empty key":            {CloudInit{SSHKeys: []string{""}}, "ssh_keys[0]", "no public SSH key"},
		"two keys in one":         {CloudInit{SSHKeys: []string{ed25519Key + "\n" + ecdsaKey}}, "ssh_keys[0]", "one line"},
		"a private key":           {CloudInit{SSHKeys: []string{"-----BEGIN OPENSSH PRIVATE KEY-----\nx"}}, "ssh_keys[0]", "private key"},
		"too many keys":           {CloudInit{SSHKeys: make([]string, MaxSSHKeys+1)}, "ssh_keys", "at most 64"},
	} {
		err := each.told.Check()
		var found *fault.Error
		if !errors.As(err, &found) || found.Kind != fault.KindInvalid || found.Field != each.field || !strings.Contains(found.Message, each.says) {
			t.Errorf("%s: got %v at %q, want %q at %q", name, err, fieldOf(err), each.says, each.field)
		}
	}
}

func fieldOf(err error) string {
	var found *fault.Error
	if errors.As(err, &found) {
		return found.Field
	}
	return ""
}

// TestChecksEndForAnyInput tries texts that begin as they should and go on as they like.
func TestChecksEndForAnyInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		head := rapid.SampledFrom([]string{"", "#cloud-config\n", "#!", "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n", "version: 2\n"}).Draw(t, "head")
		text := head + rapid.StringOf(rapid.RuneFrom([]rune("ab:-[]{}&*!|>'\"%@`#\n\t ,?0"))).Draw(t, "text")
		for _, told := range []CloudInit{{UserData: text}, {NetworkConfig: text}, {SSHKeys: []string{text}}} {
			if err := told.Check(); err != nil && !fault.Is(err, fault.KindInvalid) {
				t.Fatalf("%q: %v", text, err)
			}
		}
	})
}

func TestSeed(t *testing.T) {
	told := CloudInit{UserData: "#!/bin/sh\n", SSHKeys: []string{ed25519Key, ecdsaKey, strings.TrimSuffix(ed25519Key, " ada@home")}}
	seed, err := Instance{"vm_1", "web-1", told}.Seed()
	if err != nil {
		t.Fatal(err)
	}
	files := filesIn(t, seed)
	var about metaData
	if err := json.Unmarshal(files["meta-data"], &about); err != nil {
		t.Fatal(err)
	}
	if about.Instance != "vm_1" || about.Hostname != "web-1" || len(about.Keys) != 2 || about.Keys[0] != ed25519Key {
		t.Errorf("meta-data: %+v", about)
	}
	if string(files["user-data"]) != told.UserData || files["network-config"] != nil {
		t.Errorf("files: %q", files)
	}
	told.NetworkConfig = "version: 2\n"
	if seed, err = (Instance{"vm_1", "web-1", told}).Seed(); err != nil || string(filesIn(t, seed)["network-config"]) != told.NetworkConfig {
		t.Errorf("the network configuration is not there: %v", err)
	}
}

func filesIn(t *testing.T, image []byte) map[string][]byte {
	t.Helper()
	opened, err := reader.OpenImage(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	if label, err := opened.Label(); err != nil || label != "cidata" {
		t.Fatalf("label %q, %v", label, err)
	}
	root, err := opened.RootDir()
	if err != nil {
		t.Fatal(err)
	}
	children, err := root.GetChildren()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, each := range children {
		if files[each.Name()], err = io.ReadAll(each.Reader()); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
