package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/backup"
	"github.com/novacron/novacron/internal/client"
)

func (p *program) scheduleCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "schedule", Short: "Backups again and again", Aliases: []string{"schedules"}}
	cmd.AddCommand(p.scheduleCreate(), p.scheduleList(), p.scheduleShow(),
		p.scheduleSteer("pause", "Take no backups until it is unpaused", "is paused"),
		p.scheduleSteer("unpause", "Take backups again", "goes on"),
		p.scheduleSteer("trigger", "Take one backup now", "takes a backup now"),
		p.scheduleDelete())
	return cmd
}

func (p *program) scheduleCreate() *cobra.Command {
	var wanted client.NewSchedule
	var within int64
	cmd := &cobra.Command{
		Use: "create VM", Short: "Back a VM up again and again", Args: takes("the VM's name"), ValidArgsFunction: p.completeOne(p.vmNames),
		Example: "  novacron schedule create web-1 --cron \"0 2 * * *\" --keep-last 7\n  novacron schedule create web-1 --every 6h --keep-within 30d --name web-1-often",
	}
	flags := changes(cmd)
	cmd.Flags().StringVar(&wanted.Name, "name", "", "the schedule's name; the VM's with -backup if left out")
	cmd.Flags().StringVar(&wanted.Cron, "cron", "", "minute, hour, day of month, month, day of week, in UTC")
	readingFlag(cmd.Flags(), &wanted.Every, "every", "", "TIME", "an interval, such as 6h or 1d, instead of --cron", parseSpan)
	cmd.Flags().IntVar(&wanted.Keep.Last, "keep-last", 0, "keep the newest so many")
	readingFlag(cmd.Flags(), &within, "keep-within", "", "TIME", "keep those younger than this, such as 30d", parseSpan)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if (wanted.Cron == "") == (wanted.Every == 0) {
			return usage(cmd, "say when: either --cron, such as \"0 2 * * *\", or --every, such as 6h")
		}
		if within > 0 && within < 3600 {
			return usage(cmd, "--keep-within is at least an hour")
		}
		wanted.VM, wanted.Keep.WithinHours = args[0], (within+3599)/3600
		connected, err := p.connect()
		if err != nil {
			return err
		}
		if wanted.Name == "" {
			found, err := connected.VM(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			wanted.Name = found.Name + "-backup"
		}
		made, err := connected.CreateSchedule(cmd.Context(), wanted, flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, made, "Schedule %s backs VM %s up %s; next %s. It keeps %s.",
			made.Value.Name, made.Value.VMName, when(made.Value), p.ago(made.Value.NextRunAt), keeps(made.Value.Keep))
	}
	return cmd
}

func when(of backup.Schedule) string {
	if of.Cron != "" {
		return fmt.Sprintf("at %q UTC", of.Cron)
	}
	return "every " + span(time.Duration(of.Every)*time.Second)
}

func keeps(keep backup.Keep) string {
	switch {
	case keep.Last > 0 && keep.WithinHours > 0:
		return fmt.Sprintf("the last %d and those of %s", keep.Last, span(time.Duration(keep.WithinHours)*time.Hour))
	case keep.Last > 0:
		return fmt.Sprintf("the last %d", keep.Last)
	case keep.WithinHours > 0:
		return "those of " + span(time.Duration(keep.WithinHours)*time.Hour)
	}
	return "all"
}

func (p *program) scheduleList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List schedules", Aliases: []string{"ls"}, Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Schedules(cmd.Context())
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(found))
			for _, each := range found {
				next := p.ago(each.NextRunAt)
				if each.Paused {
					next = "paused"
				}
				rows = append(rows, []string{each.Name, each.VMName, when(each), keeps(each.Keep), next, p.ago(each.LastRunAt), orDash(each.LastResult), fmt.Sprint(each.Skipped)})
			}
			return p.table(found, []column{left("name"), left("vm"), left("when"), left("keeps"), left("next"), left("last"), left("result"), right("skipped")}, rows,
				`There are no schedules. Make one with: novacron schedule create VM --cron "0 2 * * *"`)
		},
	}
}

func (p *program) scheduleShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a schedule", Args: takes("the schedule's name"), ValidArgsFunction: p.completeOne(p.scheduleNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Schedule(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return p.show(found, facts{
				{"Name", found.Name}, {"ID", string(found.ID)}, {"VM", found.VMName}, {"When", when(found)}, {"Keeps", keeps(found.Keep)}, {"Paused", yes(found.Paused)},
				{"Next", p.exact(found.NextRunAt)}, {"Last", p.exact(found.LastRunAt)}, {"Last result", found.LastResult},
				{"Skipped", fmt.Sprintf("%d runs, since the one before was still at work", found.Skipped)}, {"Created", p.exact(found.CreatedAt)},
			})
		},
	}
}

func (p *program) scheduleSteer(action, short, now string) *cobra.Command {
	cmd := &cobra.Command{Use: action + " NAME", Short: short, Args: takes("the schedule's name"), ValidArgsFunction: p.completeOne(p.scheduleNames)}
	flags := changes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		connected, err := p.connect()
		if err != nil {
			return err
		}
		changed, err := connected.SteerSchedule(cmd.Context(), args[0], action, flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, changed, "Schedule %s %s.", args[0], now)
	}
	return cmd
}

func (p *program) scheduleDelete() *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "End a schedule; its backups stay", Aliases: []string{"rm"}, Args: takes("the schedule's name"),
		ValidArgsFunction: p.completeOne(p.scheduleNames),
	}
	flags := changes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		connected, err := p.connect()
		if err != nil {
			return err
		}
		changed, err := connected.DeleteSchedule(cmd.Context(), args[0], flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, changed, "Schedule %s is gone; its backups stay.", args[0])
	}
	return cmd
}
