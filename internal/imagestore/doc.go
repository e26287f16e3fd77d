// Package imagestore takes images in and gives them out. An upload and a fetched file go the same way: they wait in the
// spool until they were examined and, where needed, converted; then their bytes go to the object store under their hash,
// and a row to the inventory. Bytes that several images share stay until the last of them goes.
//
// The package never opens a file that imagefile has not examined, and never talks to the network.
package imagestore
