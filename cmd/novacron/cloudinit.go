package main

import (
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/cloudinit"
)

// telling holds the flags that say what a new VM's guest is told.
type telling struct {
	userData, networkConfig string
	keys                    []string
}

func tells(cmd *cobra.Command) *telling {
	flags := &telling{}
	cmd.Flags().StringVar(&flags.userData, "user-data", "", "file with what cloud-init does at the first start: #cloud-config, a script or MIME multipart; - reads standard input")
	cmd.Flags().StringVar(&flags.networkConfig, "network-config", "", "file with cloud-init's network configuration, version 1 or 2; DHCP if left out")
	cmd.Flags().StringArrayVar(&flags.keys, "ssh-key", nil, "public SSH key, or a file with such keys, that may log in; may be repeated")
	return flags
}

// read reads the files; nil if nothing is to be told.
func (t *telling) read(cmd *cobra.Command) (*cloudinit.CloudInit, error) {
	if t.userData == "" && t.networkConfig == "" && len(t.keys) == 0 {
		return nil, nil
	}
	var told cloudinit.CloudInit
	var err error
	if told.UserData, err = readFlag(cmd, "user-data", t.userData); err != nil {
		return nil, err
	}
	if told.NetworkConfig, err = readFlag(cmd, "network-config", t.networkConfig); err != nil {
		return nil, err
	}
	for _, each := range t.keys {
		keys := each
		if !strings.Contains(each, " ") { // no key is without a space, few paths have one
			if keys, err = readFlag(cmd, "ssh-key", each); err != nil {
				return nil, err
			}
		}
		told.SSHKeys = append(told.SSHKeys, keysIn(keys)...)
	}
	return &told, nil
}

// keysIn takes the keys out of a text that may have empty lines and comments.
func keysIn(text string) []string {
	var keys []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			keys = append(keys, line)
		}
	}
	return keys
}

func readFlag(cmd *cobra.Command, name, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	source := cmd.InOrStdin()
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return "", usage(cmd, "--%s: the file cannot be read: %v", name, err)
		}
		defer file.Close()
		source = file
	}
	// One byte more than is allowed is enough for the server to say so.
	content, err := io.ReadAll(io.LimitReader(source, max(cloudinit.MaxUserData, cloudinit.MaxNetworkConfig, cloudinit.MaxSSHKeys*cloudinit.MaxSSHKey)+1))
	switch {
	case err != nil:
		return "", usage(cmd, "--%s: %s cannot be read: %v", name, path, err)
	case len(content) == 0:
		return "", usage(cmd, "--%s: %s is empty", name, path)
	case name == "ssh-key" && strings.Contains(string(content), "PRIVATE KEY"):
		return "", usage(cmd, "--ssh-key: %s holds a private key; give the file of the public one, whose name ends in .pub", path)
	}
	return string(content), nil
}

func (p *program) vmCloudInit() *cobra.Command {
	return &cobra.Command{
		Use: "cloud-init NAME", Short: "Show what a VM's guest is told at its first start", Args: takes("the VM's name"), ValidArgsFunction: p.completeOne(p.vmNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			told, err := connected.CloudInit(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return p.show(told, facts{
				{"SSH keys", strings.Join(told.SSHKeys, "\n")}, {"Network", strings.TrimSpace(told.NetworkConfig)}, {"User data", strings.TrimSpace(told.UserData)},
			})
		},
	}
}
