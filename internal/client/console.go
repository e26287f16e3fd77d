package client

import (
	"context"
	"net"
	"net/url"

	"github.com/coder/websocket"
)

// Console connects to a VM's display: a stream of RFB (VNC) bytes that lasts until it is closed or ctx ends.
func (c *Client) Console(ctx context.Context, vm string) (net.Conn, error) {
	socket, err := c.dial(ctx, "/vms/"+url.PathEscape(vm)+"/console", []string{"binary"})
	if err != nil {
		return nil, err
	}
	return websocket.NetConn(ctx, socket, websocket.MessageBinary), nil
}

// ConsolePage is the address of the VM's console in the web interface.
func (c *Client) ConsolePage(vm string) string {
	return c.base.String() + "/vms/" + url.PathEscape(vm) + "/console"
}
