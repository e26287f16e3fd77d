package api

import "time"

// Route is what tests need to know of a route.
type Route struct{ Method, Path, Access string }

// Routes lists every route with who may use it.
func (s *Server) Routes() []Route {
	var found []Route
	for _, each := range s.routes {
		found = append(found, Route{Method: each.method, Path: each.path, Access: string(each.access)})
	}
	return found
}

// Hurry makes the server wait less for others.
func (s *Server) Hurry(wait time.Duration) {
	s.patience = patience{write: wait, dialIn: wait, body: wait, stall: wait}
}
