// Package imagefetch downloads a file over HTTP for somebody who may only say where it is. It goes on where an earlier
// attempt ended if the server still has the same file, and never connects to an address that would give the caller what
// only this machine may reach.
//
// The package never looks at what the file is, beyond that it is no web page.
package imagefetch
