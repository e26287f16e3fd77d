// Package nbd is a client for network block devices on a unix socket: fixed newstyle handshake, structured replies,
// metadata contexts (allocation and dirty bitmaps), and any number of requests in flight on one connection. nbd/fake
// serves disks from memory in the same dialect.
//
// The protocol is https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md; names here are that document's.
//
// The package never retries, never reconnects and never caches: what a caller reads came from the server just now.
package nbd
