package cloudinit

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/novacron/novacron/internal/fault"
)

// keysOf parses public keys, one a text, and leaves out those that are there already. The error is fault.Invalid at the key.
func keysOf(texts []string) ([]string, error) {
	if len(texts) > MaxSSHKeys {
		return nil, fault.Invalid("a guest takes at most %d SSH keys, not %d", MaxSSHKeys, len(texts)).At("ssh_keys")
	}
	var lines, known []string
	for at, text := range texts {
		line := strings.TrimSpace(text)
		key, err := parseKey(line)
		if err != nil {
			return nil, err.At(fmt.Sprintf("ssh_keys[%d]", at))
		}
		if !slices.Contains(known, key) {
			lines, known = append(lines, line), append(known, key)
		}
	}
	return lines, nil
}

// parseKey returns what makes the key itself, without the comment and the options around it.
func parseKey(line string) (string, *fault.Error) {
	switch {
	case strings.Contains(line, "PRIVATE KEY"):
		return "", fault.Invalid("this is a private key, which nobody else should have: give the public one, from the file that ends in .pub, and think of this one as known")
	case strings.ContainsAny(line, "\r\n"):
		return "", fault.Invalid("an SSH key is one line; give each key by itself")
	case len(line) > MaxSSHKey:
		return "", fault.Invalid("an SSH key has at most %d bytes, not %d", MaxSSHKey, len(line))
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return "", fault.Invalid("this is no public SSH key: it should look like ssh-ed25519 AAAA… name, as a file that ends in .pub has it").Because(err)
	}
	return string(key.Marshal()), nil
}
