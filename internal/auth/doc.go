// Package auth knows how people and machines prove who they are: passwords (argon2id), bearer tokens (random, kept only
// as SHA-256), the throttling of guesses, and a short memory of who a token belongs to. What a principal may do in which
// project is decided here too, and only here.
//
// The package never stores anything itself, never logs, and never returns a secret that it did not just mint.
package auth
