package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) networkCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "network", Short: "Networks that span hosts", Aliases: []string{"networks"}}
	cmd.AddCommand(&cobra.Command{
		Use: "list", Short: "List networks", Aliases: []string{"ls"}, Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Networks(cmd.Context())
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(found))
			for _, each := range found {
				rows = append(rows, []string{each.Name, each.Range.String(), fmt.Sprint(each.VNI), fmt.Sprint(each.MTU), p.ago(each.CreatedAt)})
			}
			return p.table(found, []column{left("name"), left("range"), right("vni"), right("mtu"), left("created")}, rows, "There are no networks.")
		},
	})
	return cmd
}
