//go:build cgo

// Package libvirt drives one host's QEMU through libvirt, version 9 or later.
//
// A VM is a domain whose name is the VM's ID, so that it is the same on every host and never collides; its UUID is
// derived from the ID, and what people call it is the domain's title. A metadata element of our own keeps what libvirt
// has no place for. Any other domain is somebody else's and is left alone.
//
// The driver connects by itself and again whenever the daemon comes back; calls in between are Unavailable. What it keeps
// in memory is only what can be lost: the rounds of migrations that it watches and how they ended.
//
// The package never creates, moves or deletes a disk, and never touches a domain that is not NovaCron's.
package libvirt
