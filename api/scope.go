package api

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/project"
)

// Scope is the part of a request that chooses the project.
type Scope struct {
	ProjectHeader string `header:"X-Novacron-Project" doc:"Name or ID of the project; the token's own or \"default\" if left out"`
	ProjectQuery  string `query:"project" doc:"The same, for callers that cannot set headers. \"*\" lists all projects"`
}

const (
	defaultProject = "default"
	everyProject   = "*"
)

// reach is the project that a request acts in, and how far it sees beyond.
type reach struct {
	project project.Project
	wide    bool // the caller may reach any project and chose none: an ID finds its thing wherever it is
	all     bool // the caller asked for all projects
}

// listing is the project to list; empty for all of them.
func (r reach) listing() id.Project {
	if r.all {
		return ""
	}
	return r.project.ID
}

// toward is the project in which a name or an ID is looked up; empty for all of them. Names are never IDs, since names
// have no underscore.
func (r reach) toward(ref string) id.Project {
	if (r.wide || r.all) && strings.Contains(ref, "_") {
		return ""
	}
	return r.project.ID
}

// reach works out the project of a request; NotFound for one that is not there or not the caller's.
func (s *Server) reach(ctx context.Context, scope Scope) (reach, error) {
	who := principalOf(ctx)
	wanted := scope.ProjectHeader
	if wanted == "" {
		wanted = scope.ProjectQuery
	}
	if who.Host != "" {
		return reach{all: true}, nil
	}
	if !who.AnyProject() && who.Project == "" {
		return reach{}, fault.Denied("you belong to no project yet; ask an administrator for a token that is bound to one")
	}
	if who.AnyProject() {
		switch wanted {
		case everyProject:
			found, err := s.projects.find(ctx, defaultProject)
			return reach{project: found, all: true}, err
		case "":
			found, err := s.projects.find(ctx, defaultProject)
			return reach{project: found, wide: true}, err
		}
	}
	if wanted == "" || wanted == everyProject {
		wanted = string(who.Project)
	}
	found, err := s.projects.find(ctx, wanted)
	if err != nil && !fault.Is(err, fault.KindNotFound) {
		return reach{}, err
	}
	if err != nil || !mayReach(who, found) {
		return reach{}, fault.NotFound("there is no project %q, or it is not yours; leave the choice out or take one of the list of projects", wanted).At("project")
	}
	return reach{project: found}, nil
}

func mayReach(who auth.Principal, found project.Project) bool { return who.Reaches(found.ID) }

// projectBook remembers projects for a few seconds, since every request needs one.
type projectBook struct {
	load  func(ctx context.Context, ref string) (project.Project, error)
	now   func() time.Time
	mutex sync.Mutex
	known map[string]knownProject
}

type knownProject struct {
	project project.Project
	until   time.Time
}

const (
	projectLifetime = 10 * time.Second
	maxProjects     = 10_000
)

func (b *projectBook) find(ctx context.Context, ref string) (project.Project, error) {
	now := b.now()
	b.mutex.Lock()
	found, ok := b.known[ref]
	b.mutex.Unlock()
	if ok && now.Before(found.until) {
		return found.project, nil
	}
	loaded, err := b.load(ctx, ref)
	if err != nil {
		return project.Project{}, err
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if len(b.known) >= maxProjects {
		clear(b.known)
	}
	b.known[ref] = knownProject{project: loaded, until: now.Add(projectLifetime)}
	return loaded, nil
}
