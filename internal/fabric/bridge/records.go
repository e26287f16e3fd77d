package bridge

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// records are the networks and ports of this host as files: <network>/network.json and <network>/ports/<VM>.json.
type records struct{ root string }

const (
	networkFile = "network.json"
	portsDir    = "ports"
	suffix      = ".json"
)

func openRecords(root string) (records, error) {
	if !filepath.IsAbs(root) {
		return records{}, fault.Invalid("the fabric's state directory %q is not an absolute path", root)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return records{}, broken(err)
	}
	return records{root: root}, nil
}

func broken(err error) error {
	return fault.Internal("the fabric's records cannot be read or written; look at the worker's log").Because(err)
}

func (r records) directory(network id.Network) string { return filepath.Join(r.root, string(network)) }

func (r records) portFile(machine id.VM, network id.Network) string {
	return filepath.Join(r.directory(network), portsDir, string(machine)+suffix)
}

func (r records) networks() ([]fabric.Network, error) {
	entries, err := os.ReadDir(r.root)
	if err != nil {
		return nil, broken(err)
	}
	var found []fabric.Network
	for _, entry := range entries {
		network, exists, err := r.network(id.Network(entry.Name()))
		if err != nil {
			return nil, err
		}
		if exists {
			found = append(found, network)
		}
	}
	return found, nil
}

func (r records) network(network id.Network) (fabric.Network, bool, error) {
	var found fabric.Network
	exists, err := load(filepath.Join(r.directory(network), networkFile), &found)
	return found, exists, err
}

func (r records) saveNetwork(network fabric.Network) error {
	if err := os.MkdirAll(filepath.Join(r.directory(network.Network), portsDir), 0o700); err != nil {
		return broken(err)
	}
	return save(filepath.Join(r.directory(network.Network), networkFile), network)
}

func (r records) forgetNetwork(network id.Network) error {
	if err := os.RemoveAll(r.directory(network)); err != nil {
		return broken(err)
	}
	return nil
}

func (r records) portsOf(network id.Network) ([]fabric.Port, error) {
	files, err := filepath.Glob(r.portFile("*", network))
	if err != nil {
		return nil, broken(err)
	}
	ports := make([]fabric.Port, 0, len(files))
	for _, file := range files {
		var port fabric.Port
		exists, err := load(file, &port)
		if err != nil {
			return nil, err
		}
		if exists {
			ports = append(ports, port)
		}
	}
	return ports, nil
}

func (r records) savePort(port fabric.Port) error {
	return save(r.portFile(port.VM, port.Network), port)
}

// forgetPort reports whether there was one.
func (r records) forgetPort(machine id.VM, network id.Network) (bool, error) {
	err := os.Remove(r.portFile(machine, network))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, broken(err)
	}
	return true, nil
}

func load(path string, into any) (bool, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return false, broken(err)
	}
	return true, nil
}

func save(path string, record any) error {
	data, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return broken(err)
	}
	_, err = replace(path, data)
	return err
}

// replace writes a file as a whole or not at all, and reports whether its content is new.
func replace(path string, data []byte) (bool, error) {
	if before, err := os.ReadFile(path); err == nil && string(before) == string(data) {
		return false, nil
	}
	temporary := path + ".new"
	if err := writeDurably(temporary, data); err != nil {
		return false, broken(err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return false, broken(err)
	}
	return true, nil
}

func writeDurably(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Sync(), file.Close())
}
