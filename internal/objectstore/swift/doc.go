// Package swift keeps objects in a container of OpenStack Swift. An object that is larger than a segment is a static large
// object: its segments lie in a second container, named after the first with "_segments", under the object's key and a
// random name for each upload, and a manifest in the first container makes them one object at an instant.
//
// What is sent is checked by Swift against its MD5, and what is read whole is checked here. A request that fails for a
// passing reason is repeated with growing pauses; a token that has expired is renewed; a download that breaks off goes on
// where it stopped, of the same object or not at all. An upload whose process dies leaves segments that no manifest names:
// Sweep removes them.
//
// The package never creates a container but in Init, and never trusts a listing to be complete at once.
package swift
