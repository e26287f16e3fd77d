package api_test

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var write = flag.Bool("write", false, "write schemas/openapi.yaml instead of comparing with it")

const documentFile = "../schemas/openapi.yaml"

func TestOpenAPIDocumentIsCurrent(t *testing.T) {
	s := newStage(t)
	document, err := s.server.OpenAPI()
	s.must(err)
	document = []byte("# Emitted from api/ by `go generate ./api`; do not edit.\n" + strings.ReplaceAll(string(document), "version: test", "version: \"1\""))
	if *write {
		s.must(os.WriteFile(documentFile, document, 0o644))
		return
	}
	kept, err := os.ReadFile(documentFile)
	s.must(err)
	if string(kept) != string(document) {
		t.Errorf("schemas/openapi.yaml is not what the code says; run: go generate ./api")
	}
	served := s.as("").call("GET", "/openapi.json", nil, 200)
	if !strings.Contains(string(served.body), `"openapi":"3.1.0"`) {
		t.Errorf("unexpected document %.200s", served.body)
	}
}
