package main

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
)

// names finds what a word on the command line may become. A tab after a candidate begins its description.
type names func(ctx context.Context, c *client.Client, begun string) []string

// completionTimeout is short: a shell that hangs at a Tab is worse than one that completes nothing.
const completionTimeout = 2 * time.Second

// completeOne completes the first argument and nothing after it.
func (p *program) completeOne(find names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return p.complete(cmd, begun, find)
	}
}

func (p *program) completeFlag(cmd *cobra.Command, flag string, find names) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return p.complete(cmd, begun, find)
	})
}

func (p *program) complete(cmd *cobra.Command, begun string, find names) ([]string, cobra.ShellCompDirective) {
	connected, err := p.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, completionTimeout)
	defer cancel()
	return find(ctx, connected, begun), cobra.ShellCompDirectiveNoFileComp
}

func (p *program) vmNames(ctx context.Context, c *client.Client, begun string) []string {
	found, _, err := c.VMs(ctx, client.VMQuery{Text: begun, Page: client.Page{Limit: 200}})
	return described(found, err, func(i int) (string, string) { return found[i].Name, stateAndWork(found[i]) })
}

func (p *program) hostNames(ctx context.Context, c *client.Client, _ string) []string {
	found, err := c.Hosts(ctx)
	return described(found, err, func(i int) (string, string) { return found[i].Name, string(found[i].State) })
}

func (p *program) imageNames(ctx context.Context, c *client.Client, _ string) []string {
	found, err := c.Images(ctx)
	return described(found, err, func(i int) (string, string) { return found[i].Name, size(found[i].VirtualBytes) })
}

func (p *program) templateNames(ctx context.Context, c *client.Client, _ string) []string {
	found, err := c.Templates(ctx)
	return described(found, err, func(i int) (string, string) { return found[i].Name, currentOf(found[i]) })
}

// versionNames completes a template's name, and behind its colon the numbers of its versions.
func (p *program) versionNames(ctx context.Context, c *client.Client, begun string) []string {
	line, _, found := strings.Cut(begun, ":")
	if !found {
		return p.templateNames(ctx, c, begun)
	}
	versions, err := c.TemplateVersions(ctx, line)
	return described(versions, err, func(i int) (string, string) { return versions[i].Label(), string(versions[i].State) })
}

func (p *program) poolNames(ctx context.Context, c *client.Client, _ string) []string {
	found, err := c.Pools(ctx)
	return described(found, err, func(i int) (string, string) { return found[i].Name, string(found[i].Driver) })
}

func (p *program) volumeNames(ctx context.Context, c *client.Client, begun string) []string {
	found, _, err := c.Volumes(ctx, client.VolumeQuery{Page: client.Page{Limit: 100}, Text: begun})
	return described(found, err, func(i int) (string, string) {
		return cmp.Or(found[i].Name, string(found[i].ID)), size(found[i].SizeBytes)
	})
}

func (p *program) networkNames(ctx context.Context, c *client.Client, _ string) []string {
	found, err := c.Networks(ctx)
	return described(found, err, func(i int) (string, string) { return found[i].Name, found[i].Range.String() })
}

func (p *program) scheduleNames(ctx context.Context, c *client.Client, _ string) []string {
	found, err := c.Schedules(ctx)
	return described(found, err, func(i int) (string, string) { return found[i].Name, "of " + found[i].VMName })
}

func (p *program) backupIDs(ctx context.Context, c *client.Client, _ string) []string {
	found, _, err := c.Backups(ctx, "", client.Page{Limit: 100})
	return described(found, err, func(i int) (string, string) {
		return string(found[i].ID), found[i].VMName + ", " + p.ago(found[i].CreatedAt)
	})
}

func (p *program) operationIDs(ctx context.Context, c *client.Client, _ string) []string {
	found, _, err := c.Operations(ctx, client.OperationQuery{Page: client.Page{Limit: 100}})
	return described(found, err, func(i int) (string, string) { return string(found[i].ID), sentenceOf(found[i]) })
}

func sentenceOf(of operation.Operation) string {
	return string(of.Kind) + " " + of.Subject.Name + ", " + string(of.State)
}

func described[T any](found []T, err error, of func(int) (string, string)) []string {
	if err != nil {
		return nil
	}
	lines := make([]string, 0, len(found))
	for i := range found {
		name, about := of(i)
		lines = append(lines, name+"\t"+about)
	}
	return lines
}
