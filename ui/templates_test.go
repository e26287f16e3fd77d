package ui

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/novacron/novacron/internal/template"
)

// TestTemplateRulesAreTheRealOnes keeps the table by which the interface offers what can be done to versions the one of
// internal/template. Run it with NOVACRON_UPDATE=1 after a change there.
func TestTemplateRulesAreTheRealOnes(t *testing.T) {
	const table = "src/api/template-rules.json"
	want, err := json.MarshalIndent(template.Rules(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("NOVACRON_UPDATE") != "" {
		if err := os.WriteFile(table, append(want, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	encoded, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	var have []template.Rule
	if err := json.Unmarshal(encoded, &have); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(have, template.Rules()) {
		t.Errorf("%s is not the table of internal/template; run this test with NOVACRON_UPDATE=1 and commit it", table)
	}
}
