// Package qemunbd serves a volume over NBD on a unix socket with a qemu-nbd of its own, which dies with this process. All
// drivers whose volumes QEMU can open use it.
//
// The package never decides who may open a volume; QEMU's locks and the drivers do.
package qemunbd
