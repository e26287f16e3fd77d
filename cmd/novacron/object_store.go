package main

import (
	"github.com/spf13/cobra"
)

func (p *program) objectStoreCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "object-store", Short: "Where images and backups are kept", Aliases: []string{"object-stores"}}
	cmd.AddCommand(&cobra.Command{
		Use: "list", Short: "List the stores and whether the server reaches them", Aliases: []string{"ls"}, Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.ObjectStores(cmd.Context())
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(found))
			for _, each := range found {
				state := "available"
				if !each.Available {
					state = "not available: " + orDash(each.Detail)
				}
				rows = append(rows, []string{each.Holds, each.Driver, each.Place, state})
			}
			return p.table(found, []column{left("holds"), left("driver"), left("place"), left("state")}, rows, "The server does not say where they are.")
		},
	})
	return cmd
}
