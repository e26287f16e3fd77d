package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/operation"
)

// RemovePool gives up a pool that holds no volumes: nothing new goes there, what is ours on its hosts goes, and then the
// inventory forgets it.
func RemovePool(ctx workflow.Context, task Task[operation.RemovePoolRequest]) error {
	return perform(ctx, task.header(), removePoolSteps, &poolRemoval{request: task.Request}, (*poolRemoval).result)
}

type poolRemoval struct {
	request operation.RemovePoolRequest
	at      control.PoolAt
}

// RemovePoolResult is what a removal leaves: the name of what was there.
type RemovePoolResult struct {
	Pool id.Pool `json:"pool_id"`
	Name string  `json:"name"`
}

func (p *poolRemoval) result() any { return RemovePoolResult{Pool: p.request.Pool, Name: p.at.Name} }

var removePoolSteps = []step[poolRemoval]{
	{name: "close", title: "Let nothing new go there, and see that it holds no volumes", do: (*poolRemoval).shut,
		undo: (*poolRemoval).open, undoes: "Let volumes go there again"},
	{name: "clear", title: "Remove copies of images, and what made the place a pool", do: (*poolRemoval).clear, needless: (*poolRemoval).untouched},
	{name: "forget", title: "Remove it from the inventory", do: (*poolRemoval).forget},
}

func (p *poolRemoval) shut(ctx workflow.Context) (err error) {
	p.at, err = atControl[control.PoolAt](ctx, toControl.ClosePool, p.request.Pool)
	return err
}

func (p *poolRemoval) open(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.ReopenPool, p.request.Pool)
	return err
}

func (p *poolRemoval) untouched() bool { return p.request.Forget }

// clear needs one host of a shared pool, and all hosts of another.
func (p *poolRemoval) clear(ctx workflow.Context) error {
	for _, each := range p.at.Hosts {
		_, err := atHost[struct{}](ctx, each, toHost.ClearPool, host.PoolRef{On: host.On{Host: each}, Pool: p.at.Name})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *poolRemoval) forget(ctx workflow.Context) error {
	_, err := atControl[struct{}](ctx, toControl.ForgetPool, p.request.Pool)
	return err
}
