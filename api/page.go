package api

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/novacron/novacron/internal/fault"
)

// Paging is the part of a request that chooses a page.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"512" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"The most items to answer"`
}

// List is a page of things.
type List[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Where the next page begins; missing on the last"`
}

// listed is the answer to a list.
type listed[T any] struct {
	Body List[T]
}

// page makes a list that is never null.
func page[T any](items []T, next string) *listed[T] {
	if items == nil {
		items = []T{}
	}
	return &listed[T]{Body: List[T]{Items: items, NextCursor: next}}
}

// one is the answer about one thing that changes; its ETag is its generation.
type one[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

// plain is the answer about one thing without an ETag.
type plain[T any] struct {
	Body T
}

func etag(generation int64) string { return fmt.Sprintf("%q", strconv.FormatInt(generation, 10)) }

// Precondition is the part of a request that says what the caller has read.
type Precondition struct {
	IfMatch string `header:"If-Match" doc:"The ETag of what you read; the change is refused with 412 if it is no longer that"`
}

// generation is the wanted generation, 0 for any.
func (p Precondition) generation() (int64, error) {
	text := strings.TrimPrefix(strings.TrimSpace(p.IfMatch), "W/")
	if text == "" || text == "*" {
		return 0, nil
	}
	generation, err := strconv.ParseInt(strings.Trim(text, `"`), 10, 64)
	if err != nil || generation < 1 {
		return 0, fault.Invalid("If-Match must be an ETag as this server gave it, such as \"3\", or be left out").At("If-Match")
	}
	return generation, nil
}
