package cluster

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"go.temporal.io/server/common/authorization"
	clustermetadata "go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"

	"github.com/novacron/novacron/deploy/temporal/postgres"
)

// clusterName is Temporal's name for this cluster in its own metadata. It is stored: changing it orphans the database.
const clusterName = "active"

// Options say where the frontend listens and how histories are spread.
type Options struct {
	Address string // host:port of the frontend
	Shards  int32  // history shards; only honoured when the database is first set up
}

// Server is a running Temporal.
type Server struct {
	server  temporal.Server
	address string
}

// Address is host:port of the frontend.
func (s *Server) Address() string { return s.address }

// Stop ends the services in an orderly way; a kill does no harm either, only the next start then repeats some work.
func (s *Server) Stop() { _ = s.server.Stop() }

// Start runs all services and returns when they accept requests. The databases must be there with a current schema.
func Start(o Options, d postgres.Database, logger log.Logger) (*Server, error) {
	cfg, hosts, err := configure(o, d)
	if err != nil {
		return nil, err
	}
	// Nobody is authorised because nobody else can reach loopback; both are the no-op kind for an empty configuration.
	authorizer, err := authorization.GetAuthorizerFromConfig(&cfg.Global.Authorization)
	if err != nil {
		return nil, err
	}
	claims, err := authorization.GetClaimMapperFromConfig(&cfg.Global.Authorization, logger)
	if err != nil {
		return nil, err
	}
	server, err := temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorizer),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return claims }),
		temporal.WithDynamicConfigClient(tuning()),
	)
	if err != nil {
		return nil, fmt.Errorf("cannot assemble Temporal: %w", err)
	}
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("cannot start Temporal on %s: %w", o.Address, err)
	}
	return &Server{server: server, address: o.Address}, nil
}

// configure is the file a stand-alone Temporal would read. Only the frontend's port is chosen; the services find each
// other on free loopback ports through static membership.
func configure(o Options, d postgres.Database) (*config.Config, map[primitives.ServiceName]static.Hosts, error) {
	ip, frontendPort, err := splitAddress(o.Address)
	if err != nil {
		return nil, nil, err
	}
	ports, err := freePorts(ip, 3)
	if err != nil {
		return nil, nil, err
	}
	cfg := &config.Config{
		Persistence: persistence(o, d),
		ClusterMetadata: &clustermetadata.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]clustermetadata.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: o.Address},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: o.Address},
		Services:            map[string]config.Service{},
	}
	cfg.Global.Membership.MaxJoinDuration = 30 * time.Second
	cfg.Global.Membership.BroadcastAddress = ip
	cfg.Archival.History.State, cfg.Archival.Visibility.State = "disabled", "disabled"
	cfg.NamespaceDefaults.Archival.History.State, cfg.NamespaceDefaults.Archival.Visibility.State = "disabled", "disabled"

	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, port := range map[primitives.ServiceName]int{
		primitives.FrontendService: frontendPort,
		primitives.HistoryService:  ports[0],
		primitives.MatchingService: ports[1],
		primitives.WorkerService:   ports[2],
	} {
		cfg.Services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: ip}}
		hosts[name] = static.SingleLocalHost(net.JoinHostPort(ip, strconv.Itoa(port)))
	}
	return cfg, hosts, nil
}

func persistence(o Options, d postgres.Database) config.Persistence {
	return config.Persistence{
		NumHistoryShards: o.Shards,
		DefaultStore:     "main",
		VisibilityStore:  "visibility",
		DataStores: map[string]config.DataStore{
			"main":       {SQL: d.Main(12)},
			"visibility": {SQL: d.Visibility(4)},
		},
	}
}

func splitAddress(address string) (ip string, port int, err error) {
	ip, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return ip, port, err
}

// freePorts asks the kernel for count ports that nobody has. They are released before Temporal binds them; should
// somebody be faster, the start fails and is repeated with others.
func freePorts(ip string, count int) ([]int, error) {
	var ports []int
	var held []net.Listener
	var failed error
	for range count {
		listener, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
		if err != nil {
			failed = err
			break
		}
		held = append(held, listener)
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	for _, listener := range held {
		failed = errors.Join(failed, listener.Close())
	}
	return ports, failed
}
