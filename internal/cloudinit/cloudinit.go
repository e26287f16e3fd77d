package cloudinit

import (
	"strings"
	"unicode/utf8"

	"github.com/novacron/novacron/internal/fault"
)

// The most that a guest can be told, in bytes. Others allow less user data, so whatever works elsewhere fits.
const (
	MaxUserData      = 64 << 10
	MaxNetworkConfig = 64 << 10
	MaxSSHKeys       = 64
	MaxSSHKey        = 16 << 10
)

// CloudInit is what a guest is told. All of it may be empty: the guest then learns who it is.
type CloudInit struct {
	UserData      string   `json:"user_data,omitempty" doc:"A #cloud-config, a script that begins with #!, or a MIME multipart of such; at most 64 KiB. Whoever may change the VM may read it"`
	NetworkConfig string   `json:"network_config,omitempty" doc:"Network configuration of version 1 or 2, in YAML; DHCP if left out"`
	SSHKeys       []string `json:"ssh_keys,omitempty" doc:"Public keys that may log in as the guest's default user, as in authorized_keys"`
}

// Check says whether a guest could make sense of it; the error is fault.Invalid at the field, and names the line.
func (c CloudInit) Check() error {
	if err := checkUserData(c.UserData); err != nil {
		return err
	}
	if err := checkNetworkConfig(c.NetworkConfig); err != nil {
		return err
	}
	_, err := keysOf(c.SSHKeys)
	return err
}

const (
	userData      = "user_data"
	networkConfig = "network_config"
	cloudConfig   = "#cloud-config"
)

func checkUserData(text string) error {
	if text == "" {
		return nil
	}
	if err := checkText(text, userData, MaxUserData); err != nil {
		return err
	}
	first, _, _ := strings.Cut(text, "\n")
	switch first = strings.TrimRight(first, " \t\r"); {
	case first == cloudConfig:
		return place{field: userData}.cloudConfig(text)
	case strings.HasPrefix(text, "#!"):
		return nil
	case beginsMultipart(text):
		return checkMultipart(text)
	}
	return fault.Invalid("line 1 of the user data must be %s, begin a script with #!, or begin a MIME multipart with MIME-Version: 1.0", cloudConfig).At(userData)
}

// checkText refuses what is no text of that length.
func checkText(text, field string, most int) error {
	switch {
	case len(text) > most:
		return fault.Invalid("%s has %d bytes, and at most %d are possible; let the guest fetch what is large", field, len(text), most).At(field)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return fault.Invalid("%s must be text in UTF-8", field).At(field)
	}
	return nil
}
