// Package fake is an object store in memory whose objects tests may damage and whose calls they may fail.
//
// The package never keeps anything beyond its process.
package fake
