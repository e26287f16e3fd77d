package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/storage"
)

// ScanPool compares what is in a pool with what the inventory has there. It changes nothing.
func ScanPool(ctx workflow.Context, task Task[operation.ScanPoolRequest]) error {
	return perform(ctx, task.header(), scanPoolSteps, &scan{request: task.Request}, (*scan).result)
}

type scan struct {
	request operation.ScanPoolRequest
	at      control.PoolHosts
	survey  pool.Survey
}

func (s *scan) result() any { return s.survey }

var scanPoolSteps = []step[scan]{
	{name: "locate", title: "Find the hosts that reach it", do: (*scan).locate},
	{name: "look", title: "Compare what is there with the inventory", do: (*scan).first},
	{name: "look_again", title: "Look once more at what differs: it may have been on its way", do: (*scan).second, needless: (*scan).isClean},
}

func (s *scan) locate(ctx workflow.Context) (err error) {
	s.at, err = atControl[control.PoolHosts](ctx, toControl.HostsOfPool, s.request.Pool)
	return err
}

func (s *scan) first(ctx workflow.Context) (err error) {
	s.survey, err = s.look(ctx)
	return err
}

// isClean is true once nothing was found to differ; a dry run knows nothing yet and shows the step.
func (s *scan) isClean() bool { return s.survey.Strays != nil && s.survey.Clean() }

func (s *scan) second(ctx workflow.Context) error {
	again, err := s.look(ctx)
	s.survey = s.survey.Still(again)
	return err
}

func (s *scan) look(ctx workflow.Context) (pool.Survey, error) {
	findings := control.Findings{Pool: s.at.Name}
	for _, each := range s.at.Hosts {
		found, err := atHost[[]storage.Volume](ctx, each.ID, toHost.ListVolumes, host.PoolRef{On: host.On{Host: each.ID}, Pool: s.at.Name})
		if err != nil {
			return pool.Survey{}, err
		}
		findings.Asked = append(findings.Asked, each.ID)
		for _, one := range found {
			held := pool.Held{Volume: one.Volume, SizeBytes: one.SizeBytes, AllocatedBytes: one.AllocatedBytes}
			if !s.at.Shared {
				held.Host, held.HostName = each.ID, each.Name
			}
			findings.Held = append(findings.Held, held)
		}
	}
	return atControl[pool.Survey](ctx, toControl.ComparePool, findings)
}
