package main

import (
	"net"
	"net/url"
)

// temporalBeside guesses where Temporal listens: at its usual port on the server's machine.
func temporalBeside(server string) string {
	parsed, err := url.Parse(server)
	if err != nil {
		return "TEMPORAL-ADDRESS:7233"
	}
	return net.JoinHostPort(parsed.Hostname(), "7233")
}
