package cloudinit

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/novacron/novacron/internal/fault"
)

// place says where a text is, for errors: in a field, and there perhaps in a part of a multipart.
type place struct {
	field string
	part  int // 0: all of it
}

// wrong is an error at a line of the text, 0 for the whole of it.
func (p place) wrong(line int, format string, args ...any) error {
	where := p.field
	if line > 0 {
		where = "line " + strconv.Itoa(line) + " of " + where
	}
	if p.part > 0 {
		where += ", part " + strconv.Itoa(p.part)
	}
	found := fault.Invalid(format, args...).At(p.field)
	found.Message = where + ": " + found.Message
	return found
}

// entry is a key of a mapping with its value.
type entry struct{ key, value *yaml.Node }

// mapping reads a text that must be one YAML document with a mapping, whose keys differ.
func (p place) mapping(text string) ([]entry, error) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var document, another yaml.Node
	err := decoder.Decode(&document)
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, p.unreadable(err)
	}
	if err := decoder.Decode(&another); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, p.unreadable(err)
		}
		return nil, p.wrong(another.Line, "a second document begins here; only one can be read")
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, p.wrong(root.Line, "this must be a mapping of keys to values, not %s", kinds[root.Kind])
	}
	var entries []entry
	for at := 0; at < len(root.Content); at += 2 {
		key := root.Content[at]
		if slices.ContainsFunc(entries, func(earlier entry) bool { return earlier.key.Value == key.Value }) {
			return nil, p.wrong(key.Line, "%q is there twice, and only one of the two would count", key.Value)
		}
		entries = append(entries, entry{key, root.Content[at+1]})
	}
	return entries, nil
}

var kinds = map[yaml.Kind]string{
	yaml.SequenceNode: "a list", yaml.MappingNode: "a mapping", yaml.ScalarNode: "a single value", yaml.AliasNode: "an alias",
}

// unreadable repeats what the parser says: "yaml: line 3: did not find expected key".
func (p place) unreadable(err error) error {
	said := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if rest, found := strings.CutPrefix(said, "line "); found {
		number, detail, _ := strings.Cut(rest, ": ")
		if parsed, err := strconv.Atoi(number); err == nil {
			line, said = parsed, detail
		}
	}
	return p.wrong(line, "this is no YAML: %s", said)
}

// wanted is what the values of a cloud-config's most used keys are (cloud-init's schema-cloud-config-v1.json).
var wanted = map[string]yaml.Kind{
	"bootcmd": yaml.SequenceNode, "runcmd": yaml.SequenceNode, "packages": yaml.SequenceNode, "write_files": yaml.SequenceNode,
	"ssh_authorized_keys": yaml.SequenceNode, "mounts": yaml.SequenceNode, "fs_setup": yaml.SequenceNode,
	"disk_setup": yaml.MappingNode, "apt": yaml.MappingNode, "chpasswd": yaml.MappingNode, "power_state": yaml.MappingNode,
	"ssh_keys": yaml.MappingNode, "hostname": yaml.ScalarNode, "fqdn": yaml.ScalarNode, "timezone": yaml.ScalarNode, "password": yaml.ScalarNode,
}

// cloudConfig checks a #cloud-config. A null is as good as nothing.
func (p place) cloudConfig(text string) error {
	entries, err := p.mapping(text)
	if err != nil {
		return err
	}
	for _, each := range entries {
		kind, known := wanted[each.key.Value]
		isNull := each.value.Kind == yaml.ScalarNode && each.value.Tag == "!!null"
		if known && !isNull && each.value.Kind != kind && each.value.Kind != yaml.AliasNode {
			return p.wrong(each.value.Line, "%s must be %s, not %s", each.key.Value, kinds[kind], kinds[each.value.Kind])
		}
	}
	return nil
}

// checkNetworkConfig checks what https://docs.cloud-init.io/en/latest/reference/network-config.html calls version 1 or 2.
func checkNetworkConfig(text string) error {
	if text == "" {
		return nil
	}
	if err := checkText(text, networkConfig, MaxNetworkConfig); err != nil {
		return err
	}
	where := place{field: networkConfig}
	entries, err := where.mapping(text)
	if err != nil {
		return err
	}
	find := func(key string) *yaml.Node {
		for _, each := range entries {
			if each.key.Value == key {
				return each.value
			}
		}
		return nil
	}
	version := find("version")
	switch {
	case version == nil && find("network") != nil:
		return where.wrong(find("network").Line, "take the line \"network:\" out, and the indentation below it: the file begins with the version")
	case version == nil:
		return where.wrong(0, "it must say version: 1 or version: 2")
	case version.Value == "1":
		if config := find("config"); config == nil || config.Kind != yaml.SequenceNode {
			return where.wrong(version.Line, "version 1 has its devices in a list named config")
		}
	case version.Value == "2":
		if err := checkVersion2(where, entries); err != nil {
			return err
		}
	default:
		return where.wrong(version.Line, "there is version 1 and version 2, and no version %q", version.Value)
	}
	return nil
}

// checkVersion2 knows the kinds of devices, so that a slip in their name shows.
func checkVersion2(where place, entries []entry) error {
	devices := []string{"ethernets", "bonds", "bridges", "vlans"}
	for _, each := range entries {
		switch key := each.key.Value; {
		case key == "version" || key == "renderer":
		case !slices.Contains(devices, key):
			return where.wrong(each.key.Line, "version 2 has %s, and nothing named %q", strings.Join(devices, ", "), key)
		case each.value.Kind != yaml.MappingNode:
			return where.wrong(each.value.Line, "%s must be a mapping of names to devices", key)
		}
	}
	return nil
}
