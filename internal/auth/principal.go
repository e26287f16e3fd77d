package auth

import (
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
)

// Principal is who makes a request: a person or program with a token, or a host.
type Principal struct {
	User     id.User    `json:"user_id,omitempty"`
	UserName string     `json:"user_name,omitempty"`
	Admin    bool       `json:"admin"`
	Project  id.Project `json:"project_id,omitempty"` // the token is bound to it; empty if it is not bound
	Token    id.Token   `json:"token_id,omitempty"`
	Host     id.Host    `json:"host_id,omitempty"` // set for a host, which is no user
	HostName string     `json:"host_name,omitempty"`
}

// Name is what logs and operations call the principal.
func (p Principal) Name() string {
	if p.Host != "" {
		return "host:" + p.HostName
	}
	return p.UserName
}

// Installation says whether the principal may act on what belongs to no project: hosts, enrolment, capacity. The error
// is fault.Denied. A token that is bound to a project may not, whoever made it.
func (p Principal) Installation() error {
	switch {
	case p.Host != "":
		return fault.Denied("a host's token is for what hosts report; use a user's token")
	case !p.Admin:
		return fault.Denied("this is for administrators; ask one of them")
	case p.Project != "":
		return fault.Denied("this token is bound to a project and this belongs to the installation; use a token that is not bound")
	}
	return nil
}

// AnyProject reports whether the principal may choose among all projects.
func (p Principal) AnyProject() bool { return p.Admin && p.Project == "" && p.Host == "" }

// Reaches reports whether the principal may see what is in the project.
func (p Principal) Reaches(project id.Project) bool {
	return p.Host == "" && (p.AnyProject() || p.Project != "" && p.Project == project)
}
