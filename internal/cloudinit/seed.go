package cloudinit

import (
	"encoding/json"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/iso9660"
)

// label is the one by which NoCloud finds a seed.
const label = "cidata"

// metaData says who the guest is. Its keys join those that the user data names, whichever form that has.
type metaData struct {
	Instance id.VM    `json:"instance-id"` // cloud-init does its work again when it is another one
	Hostname string   `json:"local-hostname"`
	Keys     []string `json:"public-keys,omitempty"`
}

// Instance is a VM with what its guest is told: all that its seed is made of.
type Instance struct {
	VM        id.VM     `json:"vm_id"`
	Name      string    `json:"name"`
	CloudInit CloudInit `json:"cloud_init"`
}

// Seed is the image from which the guest reads what it is told. The same instance gets the same bytes, on every host. The error
// is that of Check.
func (i Instance) Seed() ([]byte, error) {
	keys, err := keysOf(i.CloudInit.SSHKeys)
	if err != nil {
		return nil, err
	}
	about, err := json.Marshal(metaData{Instance: i.VM, Hostname: i.Name, Keys: keys}) // which is YAML as well
	if err != nil {
		return nil, fault.Internal("the seed of VM %s cannot be written", i.Name).Because(err)
	}
	// NoCloud wants the first two in any case.
	files := []iso9660.File{{Name: "meta-data", Content: append(about, '\n')}, {Name: "user-data", Content: []byte(i.CloudInit.UserData)}}
	if i.CloudInit.NetworkConfig != "" {
		files = append(files, iso9660.File{Name: "network-config", Content: []byte(i.CloudInit.NetworkConfig)})
	}
	return iso9660.Image(label, files), nil
}
