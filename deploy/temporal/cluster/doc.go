// Package cluster is a whole Temporal cluster in this process: four services, static membership, and the web UI.
//
// It never reads a configuration file, and never listens beyond loopback.
package cluster
