package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/vm"
)

func (p *program) vmCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "vm", Short: "Virtual machines", Aliases: []string{"vms"}}
	cmd.AddCommand(p.vmCreate(), p.vmList(), p.vmShow(),
		p.vmSwitch(vm.Start, "start NAME", "Start a VM that is off", "runs"),
		p.vmSwitch(vm.Stop, "stop NAME", "Stop a VM: ask its guest, then cut the power", "is off"),
		p.vmSwitch(vm.Restart, "restart NAME", "Stop a VM and start it again", "runs again"),
		p.vmSwitch(vm.Pause, "pause NAME", "Let a VM's CPUs stand still; its memory is kept", "is paused"),
		p.vmSwitch(vm.Resume, "resume NAME", "Let a paused VM go on", "runs"),
		p.vmMigrate(), p.vmClone(), p.vmCloudInit(), p.vmDisks(), p.vmMoveDisk(), p.vmGrowDisk(), p.vmLimitDisk(), p.vmDelete(), p.vmConsole())
	return cmd
}

func (p *program) vmList() *cobra.Command {
	var query client.VMQuery
	var state string
	cmd := &cobra.Command{
		Use: "list", Short: "List VMs", Aliases: []string{"ls"}, Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			query.State = vm.State(state)
			found, err := client.All(func(page client.Page) ([]vm.VM, string, error) {
				query.Page = page
				return connected.VMs(cmd.Context(), query)
			})
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(found))
			for _, each := range found {
				rows = append(rows, []string{
					each.Name, stateAndWork(each), orDash(each.HostName), fmt.Sprint(each.Spec.CPUs), size(each.Spec.MemoryBytes),
					orDash(addresses(each)), p.ago(each.CreatedAt),
				})
			}
			return p.table(found, []column{left("name"), left("state"), left("host"), right("cpus"), right("memory"), left("address"), left("created")}, rows,
				"There are no VMs. Make one with: novacron vm create NAME --image IMAGE")
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only VMs in this state")
	cmd.Flags().StringVar(&query.Host, "host", "", "only VMs on this host")
	cmd.Flags().StringVar(&query.Template, "template", "", "only VMs made from this template, or from a version of it, such as web:3")
	cmd.Flags().StringVarP(&query.Text, "query", "q", "", "only VMs whose name contains this")
	p.completeFlag(cmd, "host", p.hostNames)
	p.completeFlag(cmd, "template", p.versionNames)
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{
		string(vm.Running), string(vm.Paused), string(vm.Stopped), string(vm.Crashed), string(vm.Provisioning), string(vm.Unknown), string(vm.Deleting),
	}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// stateAndWork is a VM's state, and what is being done to it.
func stateAndWork(machine vm.VM) string {
	if machine.OperationOf == "" || machine.State == vm.Provisioning || machine.State == vm.Deleting {
		return string(machine.State)
	}
	doing := machine.OperationOf
	for _, row := range vm.Transitions() {
		if string(row.Action) == machine.OperationOf && row.Doing != "" {
			doing = row.Doing
		}
	}
	return fmt.Sprintf("%s (%s)", machine.State, doing)
}

func addresses(machine vm.VM) string {
	texts := make([]string, 0, len(machine.Interfaces))
	for _, card := range machine.Interfaces {
		if card.IP.IsValid() {
			texts = append(texts, card.IP.String())
		}
	}
	return strings.Join(texts, " ")
}

func toldOrNot(machine vm.VM) string {
	if machine.CloudInit == "" {
		return ""
	}
	return "see: novacron vm cloud-init " + machine.Name
}

func (p *program) vmShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a VM", Args: takes("the VM's name"), ValidArgsFunction: p.completeOne(p.vmNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.VM(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			cards := make([]string, 0, len(found.Interfaces))
			for _, card := range found.Interfaces {
				cards = append(cards, fmt.Sprintf("%s, %s on %s", card.IP, card.MAC, card.Network))
			}
			disks := make([]string, 0, len(found.Volumes))
			for _, disk := range found.Volumes {
				disks = append(disks, string(disk))
			}
			return p.show(found, facts{
				{"Name", found.Name}, {"ID", string(found.ID)}, {"State", stateAndWork(found)}, {"Host", found.HostName},
				{"CPUs", fmt.Sprint(found.Spec.CPUs)}, {"Memory", size(found.Spec.MemoryBytes)}, {"Network", strings.Join(cards, "\n")},
				{"Disks", strings.Join(disks, "\n")}, {"Image", string(found.Image)}, {"Template", found.Template.Label}, {"Cloud-init", toldOrNot(found)},
				{"Description", found.Description},
				{"Operation", string(found.Operation)}, {"Created", p.exact(found.CreatedAt)}, {"Changed", p.exact(found.UpdatedAt)},
			})
		},
	}
}
