package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/novacron/novacron/activities/control"
	"github.com/novacron/novacron/analytics"
	"github.com/novacron/novacron/internal/operation"
)

// Capacity reads telemetry and inventory and works out when CPU, memory and storage run out.
func Capacity(ctx workflow.Context, task Task[operation.CapacityRequest]) error {
	return perform(ctx, task.header(), capacitySteps, &forecast{request: task.Request}, (*forecast).result)
}

type forecast struct {
	request operation.CapacityRequest
	report  analytics.Report
}

func (f *forecast) result() any { return f.report }

var capacitySteps = []step[forecast]{
	{name: "analyse", title: "Read the telemetry and work out the trends", do: (*forecast).analyse},
}

func (f *forecast) analyse(ctx workflow.Context) (err error) {
	f.report, err = atControl[analytics.Report](ctx, toControl.AnalyseCapacity, control.CapacityQuestion{
		HorizonDays: f.request.HorizonDays, At: workflow.Now(ctx),
	})
	return err
}
