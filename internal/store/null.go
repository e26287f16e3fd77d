package store

import (
	"encoding/json"
	"time"
)

// orNull is the column's value for a text that may be empty: null.
func orNull[T ~string](value T) *string {
	if value == "" {
		return nil
	}
	text := string(value)
	return &text
}

// fromNull is the opposite of orNull.
func fromNull[T ~string](column *string) T {
	if column == nil {
		return ""
	}
	return T(*column)
}

// zeroFromNull is the zero value for null.
func zeroFromNull[T any](column *T) T {
	var value T
	if column != nil {
		value = *column
	}
	return value
}

// nullFromZero is the opposite of zeroFromNull.
func nullFromZero[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// timeFromNull is the zero time for null.
func timeFromNull(column *time.Time) time.Time {
	if column == nil {
		return time.Time{}
	}
	return *column
}

// timeOrNull is null for the zero time.
func timeOrNull(value time.Time) *time.Time {
	if value.IsZero() {
		return nil
	}
	return &value
}

// texts turns IDs into what the database takes.
func texts[T ~string](values []T) []string {
	plain := make([]string, len(values))
	for i, value := range values {
		plain[i] = string(value)
	}
	return plain
}

// unmarshal reads a column that marshal wrote; null leaves into as it is.
func unmarshal(column []byte, into any) error {
	if len(column) == 0 {
		return nil
	}
	return json.Unmarshal(column, into)
}

// mapRows turns the rows of a query into nouns.
func mapRows[Row, Noun any](rows []Row, err error, nounOf func(Row) (Noun, error)) ([]Noun, error) {
	if err != nil {
		return nil, translate(err)
	}
	nouns := make([]Noun, 0, len(rows))
	for _, row := range rows {
		noun, err := nounOf(row)
		if err != nil {
			return nil, translate(err)
		}
		nouns = append(nouns, noun)
	}
	return nouns, nil
}
