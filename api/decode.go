package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// maxBodyBytes is the most a JSON body may have.
const maxBodyBytes = 1 << 20

var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(v)
	},
	Unmarshal: decode,
}

// malformed is how the error about text that is no JSON begins.
const malformed = "the body is not valid JSON"

// decode reads one JSON value; its errors are sentences. Those about one field begin with its name in quotes, by which
// problem.go locates them.
func decode(data []byte, into any) error {
	err := json.Unmarshal(data, into)
	if err == nil {
		return nil
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		line := 1 + bytes.Count(data[:min(int64(len(data)), syntax.Offset)], []byte("\n"))
		return fmt.Errorf(malformed+": %s (line %d, byte %d); correct it and send it again", strings.TrimPrefix(syntax.Error(), "json: "), line, syntax.Offset)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := wrong.Field
		if field == "" {
			return fmt.Errorf("the body must be a JSON object, not a %s", wrong.Value)
		}
		if number, isNumber := strings.CutPrefix(wrong.Value, "number "); isNumber {
			return fmt.Errorf("%q must be a whole number that fits 64 bits, written out in digits; %s is not", field, number)
		}
		return fmt.Errorf("%q has the wrong type: %s", field, wrong.Value)
	}
	return fmt.Errorf("the body could not be read: %s; correct it and send it again", strings.TrimPrefix(err.Error(), "json: "))
}
