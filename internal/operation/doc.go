// Package operation is the noun for a long-running piece of work: what was asked, how far it is, how it ended, and its
// timeline. Each operation is one Temporal workflow whose ID is the operation's.
//
// The package never runs anything and never imports the Temporal SDK; workflows projects a history into a Timeline.
package operation
