// Package event is the noun for something that happened: past tense, written in the transaction of the change.
//
// The package never delivers events; the store keeps them and the API streams them.
package event
