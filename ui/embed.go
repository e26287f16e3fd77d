// Package ui holds the built web interface, so that novacron-server serves it from its own binary. `npm run build` in
// this directory fills dist; without it Files holds no index.html, and the server says how to build one.
//
// The package never serves HTTP; the api package does.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files returns the built interface with index.html at its root. Names under assets/ carry a hash of their content and
// never change, so they may be cached for ever; index.html must be revalidated.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("BUG: the embedded directory has another name: " + err.Error())
	}
	return files
}
