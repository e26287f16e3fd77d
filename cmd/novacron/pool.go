package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/novacron/novacron/internal/client"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/pool"
)

func (p *program) poolCommands() *cobra.Command {
	cmd := &cobra.Command{Use: "pool", Short: "Places for volumes", Aliases: []string{"pools"}}
	cmd.AddCommand(p.poolList(), p.poolShow(), p.poolAdd(), p.poolSet(), p.poolScan(), p.poolAdopt(), p.poolDiscard(), p.poolRemove())
	return cmd
}

func (p *program) poolList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List storage pools", Aliases: []string{"ls"}, Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Pools(cmd.Context())
			if err != nil {
				return err
			}
			rows := make([][]string, 0, len(found))
			for _, each := range found {
				used := 0.0
				if each.CapacityBytes > 0 {
					used = float64(each.UsedBytes) / float64(each.CapacityBytes)
				}
				rows = append(rows, []string{
					each.Name, string(each.Driver), string(each.Tier), yes(each.Shared), healthOf(each), size(each.UsedBytes), size(each.CapacityBytes), percent(used),
					size(each.PromisedBytes), fmt.Sprint(each.Volumes),
				})
			}
			return p.table(found, []column{left("name"), left("driver"), left("tier"), left("shared"), left("health"), right("used"), right("capacity"),
				right("use"), right("promised"), right("volumes")}, rows, "There are no pools. Declare one with: novacron pool add NAME --directory DIR")
		},
	}
}

func healthOf(of pool.Pool) string {
	if of.State == pool.Removing {
		return string(of.State)
	}
	return string(of.Health)
}

func (p *program) poolShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show a storage pool", Args: takes("the pool's name"), ValidArgsFunction: p.completeOne(p.poolNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			connected, err := p.connect()
			if err != nil {
				return err
			}
			found, err := connected.Pool(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return p.show(found, p.poolFacts(found))
		},
	}
}

func (p *program) poolFacts(of pool.Pool) facts {
	said := make([]string, 0, len(of.Hosts))
	for _, each := range of.Hosts {
		line := fmt.Sprintf("%s: %s of %s used", each.HostName, size(each.UsedBytes), size(each.CapacityBytes))
		if !each.Available {
			line = fmt.Sprintf("%s: not available: %s", each.HostName, orDash(each.Detail))
		}
		said = append(said, line)
	}
	promised := fmt.Sprintf("%s to %d volumes, %g times the capacity at most", size(of.PromisedBytes), of.Volumes, of.Overcommit)
	return facts{
		{"Name", of.Name}, {"ID", string(of.ID)}, {"Health", healthOf(of)}, {"Driver", string(of.Driver)}, {"Place", placeOf(of.Settings)},
		{"Key", map[bool]string{true: "sealed", false: ""}[of.Sealed]}, {"Tier", string(of.Tier)}, {"Shared", yes(of.Shared)},
		{"Use", fmt.Sprintf("%s of %s", size(of.UsedBytes), size(of.CapacityBytes))}, {"Promised", promised}, {"Hosts", strings.Join(said, "\n")},
		{"Operation", string(of.Operation)}, {"Declared", p.exact(of.CreatedAt)},
	}
}

func placeOf(settings pool.Settings) string {
	switch {
	case settings.Local != nil:
		return settings.Local.Directory
	case settings.NetFS != nil:
		return fmt.Sprintf("%s by %s, mounted at %s", settings.NetFS.Source, settings.NetFS.Protocol, settings.NetFS.At)
	case settings.RBD != nil:
		return fmt.Sprintf("pool %s of the cluster at %s, as %s", settings.RBD.Pool, strings.Join(settings.RBD.Monitors, ", "), settings.RBD.User)
	}
	return ""
}

// poolFlags are what a pool is described with.
type poolFlags struct {
	directory string
	shared    bool
	netfs     pool.NetFSSettings
	protocol  string
	monitors  []string
	cluster   string // the pool's name in it
	user      string
	keyFile   string
	tier      string
	ratio     float64
	only      []string
}

func (f *poolFlags) bind(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.monitors, "monitor", nil, "rbd: address of a monitor of the Ceph cluster, such as 10.0.0.1:3300; may be repeated")
	flags.StringVar(&f.keyFile, "key-file", "", "file with what lets hosts in (a key of Ceph or ssh, a password of CIFS), - for standard input")
	flags.StringVar(&f.netfs.Options, "options", "", "netfs: as mount -o takes them")
	flags.StringVar(&f.netfs.HostKey, "host-key", "", "netfs by sshfs: the server's public key, such as \"ssh-ed25519 AAAA…\"")
	flags.StringVar(&f.tier, "tier", "", "hot, warm or cold")
	flags.Float64Var(&f.ratio, "overcommit", 0, "how many bytes may be promised for each that it has")
	flags.StringSliceVar(&f.only, "host", nil, "a host that has it; may be repeated; all if left out")
}

func (f *poolFlags) settings() pool.Settings {
	var made pool.Settings
	if f.directory != "" {
		made.Local = &pool.LocalSettings{Directory: f.directory, Shared: f.shared}
	}
	if f.protocol != "" || f.netfs != (pool.NetFSSettings{}) {
		described := f.netfs
		described.Protocol = pool.Protocol(f.protocol)
		made.NetFS = &described
	}
	if len(f.monitors) > 0 || f.cluster != "" || f.user != "" {
		made.RBD = &pool.RBDSettings{Monitors: f.monitors, Pool: f.cluster, User: f.user}
	}
	return made
}

// over is a pool's settings with what the flags change of them.
func (f *poolFlags) over(cmd *cobra.Command, of pool.Pool) (*pool.Settings, error) {
	changed := of.Settings
	switch {
	case len(f.monitors) > 0 && changed.RBD == nil:
		return nil, usage(cmd, "--monitor: pool %s is not in a Ceph cluster", of.Name)
	case f.netfs != (pool.NetFSSettings{}) && changed.NetFS == nil:
		return nil, usage(cmd, "--options and --host-key: pool %s is not on a network file system", of.Name)
	case changed.RBD != nil:
		changed.RBD.Monitors = f.monitors
	default:
		changed.NetFS.Options = cmp.Or(f.netfs.Options, changed.NetFS.Options)
		changed.NetFS.HostKey = cmp.Or(f.netfs.HostKey, changed.NetFS.HostKey)
	}
	return &changed, nil
}

// key reads the key, which must not be an argument: those can be seen by everybody on the machine.
func (f *poolFlags) key(p *program) (string, error) {
	var content []byte
	var err error
	switch f.keyFile {
	case "":
		return "", nil
	case "-":
		content, err = io.ReadAll(io.LimitReader(p.in, keyAtMost))
	default:
		content, err = os.ReadFile(f.keyFile)
	}
	return strings.TrimSpace(string(content)), err
}

const keyAtMost = 64 << 10

// openWithin is how long `pool add` waits for hosts to open the pool: two of their looks.
const openWithin = 25 * time.Second

func (p *program) poolAdd() *cobra.Command {
	var described poolFlags
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Declare a storage pool and see that hosts open it", Args: takes("the pool's name"),
		Example: "  novacron pool add fast --directory /mnt/nvme/pool --tier hot --host h1 --host h2\n" +
			"  novacron pool add shared --directory /srv/shared --shared\n" +
			"  novacron pool add nas --mount nfs --source nas:/export/vms --options vers=4.2,hard\n" +
			"  ceph auth print-key client.novacron | novacron pool add ceph --monitor 10.0.0.1:3300 --ceph-pool vms --user novacron --key-file -",
	}
	flags := changes(cmd)
	described.bind(cmd.Flags())
	cmd.Flags().StringVar(&described.directory, "directory", "", "local: the directory, made where it is missing")
	cmd.Flags().BoolVar(&described.shared, "shared", false, "local: all hosts have the same file system mounted there")
	cmd.Flags().StringVar(&described.protocol, "mount", "", "netfs: how hosts mount it: nfs, cifs, glusterfs or sshfs")
	cmd.Flags().StringVar(&described.netfs.Source, "source", "", "netfs: as mount takes it, such as nas:/export/vms")
	cmd.Flags().StringVar(&described.netfs.At, "at", "", "netfs: where hosts mount it; below /var/lib/novacron/mounts if left out")
	cmd.Flags().StringVar(&described.cluster, "ceph-pool", "", "rbd: the pool's name in the Ceph cluster")
	cmd.Flags().StringVar(&described.user, "user", "", "rbd: user of cephx, without \"client.\"")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		key, err := described.key(p)
		if err != nil {
			return usage(cmd, "--key-file: %s", err)
		}
		connected, err := p.connect()
		if err != nil {
			return err
		}
		made, err := connected.AddPool(cmd.Context(), client.NewPool{
			Name: args[0], Settings: described.settings(), Key: key, Tier: described.tier, Overcommit: described.ratio, Only: described.only,
		}, flags.how())
		if err == nil && made.Plan == nil {
			made.Value, err = p.awaitPool(cmd.Context(), connected, made.Value)
		}
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, made, "Pool %s is %s%s.", made.Value.Name, made.Value.Health, troubleOf(made.Value))
	}
	return cmd
}

// awaitPool waits until all hosts have said something of a new pool, or should have.
func (p *program) awaitPool(ctx context.Context, c *client.Client, of pool.Pool) (pool.Pool, error) {
	hosts, err := c.Hosts(ctx)
	if err != nil {
		return of, err
	}
	expected := 0
	for _, each := range hosts {
		if of.Has(each.ID) && each.StateAt(p.now()) != "offline" {
			expected++
		}
	}
	for deadline := time.Now().Add(openWithin); len(of.Hosts) < expected && time.Now().Before(deadline); {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return of, ctx.Err()
		}
		if of, err = c.Pool(ctx, string(of.ID)); err != nil {
			return of, err
		}
	}
	return of, nil
}

func troubleOf(of pool.Pool) string {
	var trouble []string
	for _, each := range of.Hosts {
		if !each.Available {
			trouble = append(trouble, each.HostName+": "+orDash(each.Detail))
		}
	}
	if len(trouble) == 0 {
		return ""
	}
	return " (" + strings.Join(trouble, "; ") + ")"
}

func (p *program) poolSet() *cobra.Command {
	var described poolFlags
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Change a storage pool; what is not named stays", Args: takes("the pool's name"), ValidArgsFunction: p.completeOne(p.poolNames),
	}
	flags := changes(cmd)
	described.bind(cmd.Flags())
	everywhere := cmd.Flags().Bool("all-hosts", false, "let every host have it again")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		key, err := described.key(p)
		if err != nil {
			return usage(cmd, "--key-file: %s", err)
		}
		connected, err := p.connect()
		if err != nil {
			return err
		}
		wanted := client.PoolChange{Key: key, Tier: described.tier, Overcommit: described.ratio}
		if len(described.only) > 0 || *everywhere {
			only := append([]string{}, described.only...)
			wanted.Only = &only
		}
		if len(described.monitors) > 0 || described.netfs != (pool.NetFSSettings{}) {
			found, err := connected.Pool(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if wanted.Settings, err = described.over(cmd, found); err != nil {
				return err
			}
		}
		changed, err := connected.SetPool(cmd.Context(), args[0], wanted, flags.how())
		if err != nil {
			return err
		}
		return done(cmd.Context(), p, connected, changed, "Pool %s was changed; its hosts follow within seconds.", changed.Value.Name)
	}
	return cmd
}

func (p *program) poolRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove NAME", Short: "Give up a storage pool that holds no volumes", Aliases: []string{"rm"}, Args: takes("the pool's name"),
		ValidArgsFunction: p.completeOne(p.poolNames),
	}
	flags := operates(cmd)
	forget := cmd.Flags().Bool("forget", false, "leave the place as it is: for one that no host can reach any more")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.operate(cmd, flags, func(ctx context.Context, c *client.Client, how client.Change) (client.Started, error) {
			return c.RemovePool(ctx, args[0], *forget, how)
		}, func(_ context.Context, _ *client.Client, ended operation.Operation) string {
			return fmt.Sprintf("Pool %s was removed.", ended.Subject.Name)
		})
	}
	return cmd
}
