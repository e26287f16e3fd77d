// Package fabric is the port to the virtual networks of one host. fabric/bridge drives Linux bridges and VXLAN,
// fabric/fake keeps them in memory, and fabrictest holds both to the same contract. OVN fits behind the same port: a
// network is a logical switch, a port is a logical switch port.
//
// Every mutation is an ensure. The package never hands out an address: the inventory does.
package fabric
