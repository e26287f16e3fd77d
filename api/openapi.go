package api

//go:generate go test -run TestOpenAPIDocumentIsCurrent . -args -write

// OpenAPI returns the OpenAPI document as YAML.
func (s *Server) OpenAPI() ([]byte, error) { return s.huma.OpenAPI().YAML() }
