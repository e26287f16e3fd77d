package bridge

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/novacron/novacron/internal/fabric"
)

// The filter is two tables a network, replaced as a whole each time. In the bridge family, nothing of DHCP or of the
// gateway crosses the tunnel, in either direction: each host answers its own guests. In the inet family, a guest reaches
// nothing of the host through the gateway's address but DHCP and ping.
const filterRules = `
table bridge novacron_%[1]d
delete table bridge novacron_%[1]d
table bridge novacron_%[1]d {
	chain arriving {
		type filter hook prerouting priority -300
		iifname "%[2]s" ether type ip udp dport { 67, 68 } drop
		iifname "%[2]s" ether saddr %[4]s drop
		iifname "%[2]s" arp daddr ip %[5]s drop
	}
	chain leaving {
		type filter hook postrouting priority 0
		oifname "%[2]s" ether type ip udp dport { 67, 68 } drop
		oifname "%[2]s" ether saddr %[4]s drop
		oifname "%[2]s" arp daddr ip %[5]s drop
	}
}
table inet novacron_%[1]d
delete table inet novacron_%[1]d
table inet novacron_%[1]d {
	chain host {
		type filter hook input priority 0
		iifname "%[3]s" udp dport 67 accept
		iifname "%[3]s" ip protocol icmp accept
		iifname "%[3]s" drop
	}
}
`

func ensureFilter(ctx context.Context, network fabric.Network) error {
	rules := fmt.Sprintf(filterRules, network.VNI, tunnelName(network), bridgeName(network), gatewayMAC(network), network.Gateway)
	if err := runNft(ctx, rules); err != nil {
		return refusal("the filter", network, err)
	}
	return nil
}

// removeFilter declares each table before it deletes it, so that a missing one is fine.
func removeFilter(ctx context.Context, network fabric.Network) error {
	var script strings.Builder
	for _, family := range []string{"bridge", "inet"} {
		fmt.Fprintf(&script, "table %[1]s novacron_%[2]d\ndelete table %[1]s novacron_%[2]d\n", family, network.VNI)
	}
	if err := runNft(ctx, script.String()); err != nil {
		return refusal("to remove the filter", network, err)
	}
	return nil
}

func runNft(ctx context.Context, script string) error {
	command := exec.CommandContext(ctx, "nft", "-f", "-")
	command.Stdin = strings.NewReader(script)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, output)
	}
	return nil
}
