package store

// Sizes of a page of a list.
const (
	DefaultPage = 100
	MaxPage     = 1000
)
