// Command gateway lets the hosts of a lab reach the control plane. It listens at addresses of the lab's switch
// namespace and forwards each connection to an address of the namespace it was started in, so that neither side learns
// a route to the other.
//
// The command never speaks the protocols that it carries.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// route is one address to listen at and the one behind it.
type route struct{ listen, target string }

func main() {
	namespace := flag.String("namespace", "", "path of the network namespace to listen in, such as /run/netns/NAME")
	var routes []route
	flag.Func("forward", "LISTEN=TARGET, may be repeated", func(text string) error {
		listen, target, found := strings.Cut(text, "=")
		if !found {
			return errors.New("want LISTEN=TARGET")
		}
		routes = append(routes, route{listen, target})
		return nil
	})
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *namespace, routes); err != nil {
		slog.Error("gateway stopped", "error", err)
		os.Exit(1)
	}
}

// serve forwards until ctx ends.
func serve(ctx context.Context, namespace string, routes []route) error {
	if len(routes) == 0 {
		return errors.New("nothing to forward: give -forward")
	}
	listeners := make([]net.Listener, 0, len(routes))
	defer func() {
		for _, listener := range listeners {
			_ = listener.Close()
		}
	}()
	for _, one := range routes {
		listener, err := listenIn(namespace, one.listen)
		if err != nil {
			return err
		}
		listeners = append(listeners, listener)
	}
	var group sync.WaitGroup
	for number, listener := range listeners {
		group.Go(func() { accept(ctx, listener, routes[number].target) })
	}
	<-ctx.Done()
	for _, listener := range listeners {
		_ = listener.Close()
	}
	group.Wait()
	return nil
}

// listenIn opens a listener inside a network namespace, or in this one if namespace is empty; a socket stays in the namespace that it was made in. The thread
// that moved there is thrown away: its goroutine ends without unlocking it.
func listenIn(namespace, address string) (net.Listener, error) {
	if namespace == "" {
		return net.Listen("tcp", address)
	}
	type opened struct {
		listener net.Listener
		err      error
	}
	done := make(chan opened)
	go func() {
		runtime.LockOSThread()
		handle, err := os.Open(namespace)
		if err != nil {
			done <- opened{err: err}
			return
		}
		defer handle.Close()
		if err := unix.Setns(int(handle.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- opened{err: fmt.Errorf("enter %s: %w", namespace, err)}
			return
		}
		listener, err := net.Listen("tcp", address)
		done <- opened{listener, err}
	}()
	result := <-done
	return result.listener, result.err
}

func accept(ctx context.Context, listener net.Listener, target string) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			if ctx.Err() == nil {
				slog.Error("accept", "listener", listener.Addr(), "error", err)
			}
			return
		}
		go carry(ctx, connection, target)
	}
}

// carry copies both ways until both have ended; a target that refuses shows as a closed connection.
func carry(ctx context.Context, near net.Conn, target string) {
	defer near.Close()
	var dialer net.Dialer
	far, err := dialer.DialContext(ctx, "tcp", target)
	if err != nil {
		slog.Warn("target does not answer", "target", target, "error", err)
		return
	}
	defer far.Close()
	var group sync.WaitGroup
	group.Go(func() { pipe(far, near) })
	group.Go(func() { pipe(near, far) })
	group.Wait()
}

// pipe copies one way and passes the end of the stream on, so that a half-closed connection stays half open.
func pipe(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		_ = from.Close()
		return
	}
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}
