package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/template"
)

func (p *program) templateCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "template", Short: "Lines of versions that VMs are made from", Aliases: []string{"templates"}}
	cmd.AddCommand(p.templateList(), p.templateShow(), p.templatePublish(),
		p.templateChange(template.Promote, "promote", "Make a version the current one", "is the current version"),
		p.templateChange(template.Deprecate, "deprecate", "Say that VMs should be made from another version", "is deprecated"),
		p.templateChange(template.Withdraw, "withdraw", "Let no more VMs be made from a version, for good", "is withdrawn"),
		p.templateDelete())
	return cmd
}

func (p *program) templateList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List templates", Aliases: []string{"ls"}, Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Templates(cmd.Context())
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(found))
			for _, each := range found {
				rows = append(rows, []string{
					each.Name, orDash(currentOf(each)), fmt.Sprint(each.Versions), fmt.Sprint(each.VMs), yes(each.Project == ""), p.ago(each.CreatedAt), orDash(each.Description),
				})
			}
			return p.table(found, []column{left("name"), left("current"), right("versions"), right("vms"), left("public"), left("created"), left("description")}, rows,
				"There are no templates. Publish one with: novacron template publish NAME --image IMAGE")
		},
	}
}

func currentOf(of template.Template) string {
	if of.Current == 0 {
		return ""
	}
	return template.Label(of.Name, of.Current)
}

func (p *program) templateShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME[:NUMBER]", Short: "Show a template's versions, or one of them", Args: takes("the template's name"),
		ValidArgsFunction: p.completeOne(p.templateNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			line, number, err := template.ParseRef(args[0])
			if err != nil {
				return usage(cmd, "%s", err)
			}
			connected, err := p.connect()
			if err != nil {
				return err
			}
			if number > 0 {
				return p.showVersion(cmd.Context(), connected, line, number)
			}
			found, err := connected.TemplateVersions(cmd.Context(), line)
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(found))
			for _, each := range found {
				rows = append(rows, []string{
					each.Label(), string(each.State), orDash(each.ImageName), fmt.Sprint(each.VMs), howGeneralised(each), each.PublishedBy, p.ago(each.PublishedAt), orDash(each.Notes),
				})
			}
			return p.table(found, []column{
				left("version"), left("state"), left("image"), right("vms"), left("generalised"), left("by"), left("published"), left("notes"),
			}, rows, "It has no versions. Publish one with: novacron template publish "+line+" --image IMAGE")
		},
	}
}

func howGeneralised(of template.Version) string {
	if of.Generalised != template.ByAgent {
		return string(of.Generalised)
	}
	if len(of.Forgotten) == 0 {
		return "agent: nothing to forget"
	}
	return "agent: " + strings.Join(of.Forgotten, ", ")
}

func (p *program) showVersion(ctx context.Context, connected *client.Client, line string, number int) error {
	found, err := connected.TemplateVersion(ctx, line, number)
	if err != nil {
		return err
	}
	amount := func(bytes int64) string {
		if bytes == 0 {
			return ""
		}
		return size(bytes)
	}
	cpus := ""
	if found.Defaults.CPUs > 0 {
		cpus = strconv.Itoa(found.Defaults.CPUs)
	}
	return p.show(found, facts{
		{"Version", found.Label()}, {"ID", string(found.ID)}, {"State", string(found.State)}, {"Image", found.ImageName}, {"Image's disk", amount(found.ImageBytes)},
		{"CPUs", cpus}, {"Memory", amount(found.Defaults.MemoryBytes)}, {"Disk", amount(found.Defaults.DiskBytes)}, {"Network", string(found.Defaults.Network)},
		{"Notes", found.Notes}, {"Generalised", howGeneralised(found)}, {"Disk of VM", found.SourceName}, {"VMs", fmt.Sprint(found.VMs)},
		{"Published", p.exact(found.PublishedAt) + " by " + found.PublishedBy}, {"State since", p.exact(found.ChangedAt) + " by " + found.ChangedBy},
	})
}

// versionArgument is the version that "web:3" names; a command that changes one wants it named.
func versionArgument(cmd *cobra.Command, text string) (line string, number int, err error) {
	line, number, err = template.ParseRef(text)
	if err != nil {
		return "", 0, usage(cmd, "%s", err)
	}
	if number == 0 {
		return "", 0, usage(cmd, "which version of %s? Write %s; see: novacron template show %s", line, template.Label(line, 1), line)
	}
	return line, number, nil
}

func (p *program) templateChange(action template.Action, use, short, now string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use + " NAME:NUMBER", Short: short, Args: takes("the version, such as web:3"), ValidArgsFunction: p.completeOne(p.versionNames),
	}
	flags := changes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		line, number, err := versionArgument(cmd, args[0])
		if err != nil {
			return err
		}
		connected, err := p.connect()
		if err != nil {
			return err
		}
		changed, err := connected.ChangeTemplateVersion(cmd.Context(), line, number, action, flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, changed, "Version %s %s.", args[0], now)
	}
	return cmd
}

func (p *program) templateDelete() *cobra.Command {
	cmd := &cobra.Command{
		Use: "delete NAME[:NUMBER]", Short: "Delete a template, or a withdrawn version, that no VM was made from", Aliases: []string{"rm"},
		Args: takes("the template's name"), ValidArgsFunction: p.completeOne(p.templateNames),
	}
	flags := changes(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		line, number, err := template.ParseRef(args[0])
		if err != nil {
			return usage(cmd, "%s", err)
		}
		connected, err := p.connect()
		if err != nil {
			return err
		}
		if number > 0 {
			changed, err := connected.DeleteTemplateVersion(cmd.Context(), line, number, flags.how())
			if err != nil {
				return err
			}
			return done(cmd.Context(), p, connected, changed, "Version %s is gone.", args[0])
		}
		changed, err := connected.DeleteTemplate(cmd.Context(), line, flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, changed, "Template %s is gone with its versions; their images stay.", line)
	}
	return cmd
}
