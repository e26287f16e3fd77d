package main

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/vm"
)

func (p *program) vmConsole() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use: "console NAME", Short: "Show where a VM's display is, or offer it to a VNC viewer", Args: takes("the VM's name"),
		ValidArgsFunction: p.completeOne(p.vmNames),
		Long: "console prints the address of the VM's console in the web interface. With --vnc-listen it passes the display on to VNC\n" +
			"viewers at that address until it is stopped; anyone who reaches the address controls the VM.",
		Example: "  novacron vm console web-1 --vnc-listen 127.0.0.1:5901",
	}
	cmd.Flags().StringVar(&listen, "vnc-listen", "", "address for VNC viewers, such as 127.0.0.1:5901")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		connected, err := p.connect()
		if err != nil {
			return err
		}
		found, err := connected.VM(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if err := found.Can(vm.OpenConsole); err != nil {
			return err
		}
		if listen != "" {
			return p.passConsole(cmd, connected, found, listen)
		}
		page := connected.ConsolePage(found.Name)
		if p.output == "json" {
			return p.json(map[string]string{"url": page})
		}
		p.say("%s", page)
		return nil
	}
	return cmd
}

// passConsole accepts VNC viewers and connects each with the VM's display, until the user breaks off.
func (p *program) passConsole(cmd *cobra.Command, connected *client.Client, machine vm.VM, address string) error {
	var config net.ListenConfig
	listener, err := config.Listen(cmd.Context(), "tcp", address)
	if err != nil {
		return usage(cmd, "cannot listen at %s: %v", address, err)
	}
	defer context.AfterFunc(cmd.Context(), func() { listener.Close() })()
	fmt.Fprintf(p.err, "The display of %s is at %s for VNC viewers. Stop with Ctrl-C.\n", machine.Name, listener.Addr())
	for {
		viewer, err := listener.Accept()
		if err != nil {
			if cmd.Context().Err() != nil {
				return nil
			}
			return err
		}
		go func() {
			defer viewer.Close()
			display, err := connected.Console(cmd.Context(), string(machine.ID))
			if err != nil {
				fmt.Fprintf(p.err, "novacron: %v\n", err)
				return
			}
			defer display.Close()
			join(viewer, display)
		}()
	}
}

// join copies both ways until one side ends.
func join(a, b net.Conn) {
	ended := make(chan struct{}, 2)
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // the viewer and the display see for themselves that the other is gone
		_, _ = to.Close(), from.Close()
		ended <- struct{}{}
	}
	go pass(a, b)
	go pass(b, a)
	for range 2 {
		<-ended
	}
}
