package main

import (
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// echo answers each connection with what it got, once the other side has finished writing.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				text, _ := io.ReadAll(connection)
				_, _ = connection.Write(text)
			}()
		}
	}()
	return listener.Addr().String()
}

// free is an address nobody listens at.
func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestConnectionsAreCarriedBothWaysAndHalfClosed(t *testing.T) {
	address := free(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, "", []route{{address, echo(t)}}) }()
	connection := dial(t, address)
	defer connection.Close()
	if _, err := connection.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(connection); err != nil || string(text) != "hello" {
		t.Fatalf("came back %q, %v", text, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			return connection
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestDeadTargetShowsAsAClosedConnection(t *testing.T) {
	address := free(t)
	go func() { _ = serve(t.Context(), "", []route{{address, free(t)}}) }()
	connection := dial(t, address)
	defer connection.Close()
	if text, err := io.ReadAll(connection); len(text) > 0 {
		t.Fatalf("a dead target sent %q, %v", text, err)
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	if err := serve(t.Context(), "", nil); err == nil {
		t.Error("no route is no error")
	}
	if err := serve(t.Context(), "/nowhere", []route{{"127.0.0.1:0", "127.0.0.1:1"}}); err == nil {
		t.Error("a namespace that does not exist is no error")
	}
	if err := serve(t.Context(), "", []route{{"192.0.2.1:1", "127.0.0.1:1"}}); err == nil {
		t.Error("an address that is not ours is no error")
	}
}
