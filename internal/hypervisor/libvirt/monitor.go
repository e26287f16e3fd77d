//go:build cgo

package libvirt

import (
	"encoding/json"
	"slices"
	"strings"

	virt "libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// What libvirt 9 cannot do, or leaves undone when its daemon dies, is asked of QEMU itself (its QMP reference). Nothing of it
// changes what libvirt knows of a domain.

// block is an entry of what QEMU answers to query-block.
type block struct {
	Qdev     string `json:"qdev"` // ends with the device's alias, or has it before a last part
	Inserted *struct {
		NodeName string `json:"node-name"`
		Image    struct {
			Filename  string `json:"filename"`
			Snapshots []struct {
				Name string `json:"name"`
			} `json:"snapshots"`
		} `json:"image"`
	} `json:"inserted"`
}

// blockNode is an entry of what QEMU answers to query-named-block-nodes.
type blockNode struct {
	Name  string `json:"node-name"`
	Image struct {
		Filename string `json:"filename"`
	} `json:"image"`
}

func queryBlocks(domain *virt.Domain) ([]block, error) {
	var all []block
	return all, askQEMU(domain, "query-block", nil, &all)
}

// closeOrphans makes QEMU close a volume that none of the domain's devices has: one that was opened for a device, or left by
// one, when libvirt's daemon died. Nobody else could open it, not even the same QEMU.
func closeOrphans(domain *virt.Domain, of id.Volume) error {
	blocks, err := queryBlocks(domain)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(blocks, func(each block) bool {
		return each.Inserted != nil && strings.Contains(each.Inserted.Image.Filename, string(of))
	}) {
		return nil
	}
	var nodes []blockNode
	if err := askQEMU(domain, "query-named-block-nodes", map[string]any{"flat": true}, &nodes); err != nil {
		return err
	}
	orphans := slices.DeleteFunc(nodes, func(node blockNode) bool { return !strings.Contains(node.Image.Filename, string(of)) })
	// A file cannot be closed before the format on top of it.
	for len(orphans) > 0 {
		left := slices.DeleteFunc(slices.Clone(orphans), func(node blockNode) bool {
			err = askQEMU(domain, "blockdev-del", map[string]any{"node-name": node.Name}, nil)
			return err == nil
		})
		if len(left) == len(orphans) {
			return err
		}
		orphans = left
	}
	return nil
}

// askQEMU runs a command of the domain's monitor and reads its answer.
func askQEMU(domain *virt.Domain, command string, arguments any, into any) error {
	asked := map[string]any{"execute": command}
	if arguments != nil {
		asked["arguments"] = arguments
	}
	text, err := json.Marshal(asked)
	if err != nil {
		return fault.Internal("a command for QEMU cannot be written down").Because(err)
	}
	answered, err := domain.QemuMonitorCommand(string(text), virt.DOMAIN_QEMU_MONITOR_COMMAND_DEFAULT)
	if err != nil {
		return err
	}
	var answer struct {
		Return json.RawMessage `json:"return"`
		Error  *struct {
			Description string `json:"desc"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(answered), &answer); err != nil {
		return fault.Internal("QEMU answered %s with what cannot be read", command).Because(err)
	}
	if answer.Error != nil {
		return fault.Unavailable("QEMU refused %s: %s", command, answer.Error.Description)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Return, into); err != nil {
		return fault.Internal("QEMU answered %s with what cannot be read", command).Because(err)
	}
	return nil
}
