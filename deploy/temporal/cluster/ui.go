package cluster

import (
	"fmt"
	"net"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

// UI is Temporal's web UI, served from this process.
type UI struct{ server *uiserver.Server }

// Stop closes its listener.
func (u *UI) Stop() { u.server.Stop() }

// StartUI serves the web UI on address (host:port) for the frontend at frontend.
func StartUI(address, frontend, namespace string) (*UI, error) {
	ip, port, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	// The UI ends the whole process without a word when its port is taken: find that out first.
	probe, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on -ui %s: %w", address, err)
	}
	if err := probe.Close(); err != nil {
		return nil, err
	}
	server := uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host:                ip,
		Port:                port,
		TemporalGRPCAddress: frontend,
		EnableUI:            true,
		DefaultNamespace:    namespace,
		CORS:                uiconfig.CORS{CookieInsecure: true}, // plain HTTP on loopback
		HideLogs:            true,
		DisableNewsFetch:    true,
	}))
	go func() { _ = server.Start() }()
	return &UI{server: server}, nil
}
