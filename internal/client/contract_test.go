package client

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestTheAPIHasWhatTheClientAsks compares the client's routes with the document that the API is emitted into.
func TestTheAPIHasWhatTheClientAsks(t *testing.T) {
	document, err := os.ReadFile("../../schemas/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	routes := map[string]bool{}
	path := ""
	pathLine, methodLine := regexp.MustCompile(`^  (/[^:]*):$`), regexp.MustCompile(`^    (get|post|put|patch|delete):$`)
	for line := range strings.Lines(string(document)) {
		line = strings.TrimRight(line, "\n")
		if match := pathLine.FindStringSubmatch(line); match != nil {
			path = match[1]
		} else if match := methodLine.FindStringSubmatch(line); match != nil && path != "" {
			routes[strings.ToUpper(match[1])+" "+path] = true
		}
	}
	for asked := range strings.Lines(`GET /vms
POST /vms
GET /vms/{vm}
DELETE /vms/{vm}
GET /vms/{vm}/cloud-init
POST /vms/{vm}/start
POST /vms/{vm}/stop
POST /vms/{vm}/restart
POST /vms/{vm}/pause
POST /vms/{vm}/resume
POST /vms/{vm}/migrate
POST /vms/{vm}/clone
POST /vms/{vm}/backups
GET /vms/{vm}/console
GET /hosts
GET /hosts/{host}
DELETE /hosts/{host}
POST /hosts/{host}/cordon
POST /hosts/{host}/uncordon
POST /hosts/{host}/drain
POST /hosts/enrolment-tokens
GET /pools
GET /networks
GET /images
POST /images
POST /images/from-url
GET /images/{image}/content
GET /images/{image}
DELETE /images/{image}
GET /templates
POST /templates
POST /templates/from-vm
GET /templates/{template}
DELETE /templates/{template}
GET /templates/{template}/versions
GET /templates/{template}/versions/{number}
DELETE /templates/{template}/versions/{number}
POST /templates/{template}/versions/{number}/promote
POST /templates/{template}/versions/{number}/deprecate
POST /templates/{template}/versions/{number}/withdraw
GET /backups
GET /backups/{backup}
DELETE /backups/{backup}
POST /backups/{backup}/restore
POST /backups/{backup}/verify
GET /schedules
POST /schedules
GET /schedules/{schedule}
DELETE /schedules/{schedule}
POST /schedules/{schedule}/pause
POST /schedules/{schedule}/unpause
POST /schedules/{schedule}/trigger
GET /operations
GET /operations/{operation}
GET /operations/{operation}/timeline
POST /operations/{operation}/cancel
POST /operations/{operation}/give-up
POST /operations/{operation}/tune
POST /capacity/plans
GET /capacity/plans/latest
GET /events
POST /login
POST /logout
GET /whoami
`) {
		if !routes[strings.TrimSpace(asked)] {
			t.Errorf("the API has no %s", asked)
		}
	}
}
