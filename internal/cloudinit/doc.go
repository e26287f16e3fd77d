// Package cloudinit is the noun for what a guest is told at its first start: user data, a network configuration and SSH keys,
// for cloud-init and what reads the same. It checks them, so that a slip shows before a VM is made of it, and writes the seed
// from which the guest reads them: an image for cloud-init's data source NoCloud
// (https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html).
//
// User data may hold secrets: no error of this package repeats more of it than a key's name.
package cloudinit
