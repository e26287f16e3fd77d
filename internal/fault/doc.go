// Package fault is the one error vocabulary: a kind that machines act on, a sentence that people read, and a cause for
// the log. One table maps kinds to HTTP status (api) and one to retrying (worker).
//
// The package never formats a cause into the message: causes may hold paths, addresses or secrets.
package fault
