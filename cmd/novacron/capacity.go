package main

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/analytics"
	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
)

func (p *program) capacityCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "capacity", Short: "When CPU, memory and storage run out"}
	cmd.AddCommand(p.capacityPlan(), p.capacityShow())
	return cmd
}

func (p *program) capacityPlan() *cobra.Command {
	var days int
	cmd := &cobra.Command{Use: "plan", Short: "Make a capacity plan and show it", Args: takes()}
	flags := operates(cmd)
	cmd.Flags().IntVar(&days, "days", analytics.DefaultHorizonDays, "how many days ahead to look")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if days < 1 || days > 730 {
			return usage(cmd, "--days is between 1 and 730")
		}
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.PlanCapacity(ctx, days, how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			report, ok := resultOf[analytics.Report](ended)
			if !ok {
				return "The plan is made: novacron capacity show"
			}
			return p.capacityTable(report)
		})
	}
	return cmd
}

func (p *program) capacityShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the newest capacity plan", Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			latest, err := connected.LatestCapacityPlan(cmd.Context())
			if err != nil {
				return err
			}
			if p.output == "json" {
				return p.json(latest)
			}
			p.say("%s", p.capacityTable(latest.Plan))
			return nil
		},
	}
}

// capacityTable lists every resource, and spells out what is pressing.
func (p *program) capacityTable(report analytics.Report) string {
	var rows [][]string
	var pressing []string
	add := func(name string, section analytics.Section) {
		for _, resource := range section.Resources {
			rows = append(rows, []string{
				name, resource.Name, amount(resource.Used, resource.Unit), amount(resource.Total, resource.Unit), percent(resource.UsedFraction),
				percent(resource.PromisedFraction), trend(resource), runsOut(resource), strings.ReplaceAll(string(resource.Verdict), "_", " "),
			})
			switch resource.Verdict {
			case analytics.Full, analytics.RunsOut, analytics.MayRunOut:
				pressing = append(pressing, fmt.Sprintf("%s, %s: %s", name, resource.Name, resource.Text))
			}
		}
	}
	add("cluster", report.Cluster)
	for _, section := range report.Hosts {
		add("host "+section.Name, section)
	}
	for _, section := range report.Pools {
		name := "pool " + section.Name
		if section.HostName != "" {
			name += " of " + section.HostName
		}
		add(name, section)
	}
	columns := []column{left("of"), left("what"), right("used"), right("total"), right("use"), right("promised"), right("a day"), right("runs out"), left("finding")}
	text := fmt.Sprintf("%s\n\n%s", report.Summary, layout(columns, rows))
	for _, line := range append(pressing, report.Cluster.Notes...) {
		text += "\n" + line
	}
	return text + fmt.Sprintf("\nMade %s, looking %d days ahead.", p.ago(report.At), report.HorizonDays)
}

func amount(value float64, unit string) string {
	if unit == "bytes" {
		return size(int64(value))
	}
	return fmt.Sprintf("%.1f", value)
}

func trend(resource analytics.Resource) string {
	if resource.Trend == nil {
		return "-"
	}
	sign := "+"
	if resource.Trend.PerDay < 0 {
		sign = "-"
	}
	return sign + amount(math.Abs(resource.Trend.PerDay), resource.Unit)
}

// runsOut is the expected number of days with its interval.
func runsOut(resource analytics.Resource) string {
	switch resource.Verdict {
	case analytics.Full:
		return "now"
	case analytics.Holds:
		return "no"
	case analytics.NotEnoughHistory, analytics.NoCapacity:
		return "unknown"
	}
	end := func(days *float64, otherwise string) string {
		if days == nil {
			return otherwise
		}
		return fmt.Sprintf("%.0f", *days)
	}
	if resource.RunOut == nil {
		return "-"
	}
	return fmt.Sprintf("%s d (%s to %s)", end(resource.RunOut.Days, "?"), end(resource.RunOut.EarliestDays, "?"), end(resource.RunOut.LatestDays, "…"))
}
