package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/objectstore"
)

// ObjectStore is a store that the installation has, by what it keeps there.
type ObjectStore struct {
	Holds string // images or backups
	Place objectstore.Place
	Store objectstore.Store // nil for a directory of hosts, which only they see
}

// probeWithin is how long one that is asked after may take to answer.
const probeWithin = 5 * time.Second

func (s *Server) objectStoreRoutes() {
	add(s, administrator, huma.Operation{
		OperationID: "list-object-stores", Method: http.MethodGet, Path: "/object-stores", Tags: []string{"Storage"},
		Summary: "Where images and backups are kept, and whether the server reaches that now",
	}, s.listObjectStores)
	add(s, machine, huma.Operation{
		OperationID: "host-repository", Method: http.MethodGet, Path: "/hosts/self/repository", Tags: hostTags,
		Summary: "Where backups are, with what lets the host in; empty for its own directory",
	}, func(context.Context, *struct{}) (*plain[objectstore.Place], error) {
		answer := &plain[objectstore.Place]{}
		for _, each := range s.config.ObjectStores {
			if each.Holds == "backups" && each.Place.Swift != nil {
				answer.Body = each.Place
			}
		}
		return answer, nil
	})
}

func (s *Server) listObjectStores(ctx context.Context, _ *struct{}) (*listed[objectstore.Standing], error) {
	found := make([]objectstore.Standing, len(s.config.ObjectStores))
	var asked sync.WaitGroup
	for i, each := range s.config.ObjectStores {
		asked.Go(func() {
			said := objectstore.Standing{Holds: each.Holds, Driver: each.Place.Driver(), Place: each.Place.String(), Available: true}
			if each.Store == nil {
				said.Driver, said.Place = "dir", "a directory that each host has mounted (-repository)"
			} else if err := objectstore.Probe(ctx, each.Store, probeWithin); err != nil {
				said.Available, said.Detail = false, err.Error()
			}
			found[i] = said
		})
	}
	asked.Wait()
	return page(found, ""), ctx.Err()
}
