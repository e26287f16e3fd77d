package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/tools/sql"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/novacron/novacron/deploy/temporal/namespace"
	"github.com/novacron/novacron/deploy/temporal/postgres"
)

// testConfig is for a process on free ports, with databases that no other test has.
func testConfig(t *testing.T) Config {
	t.Helper()
	url := os.Getenv("NOVACRON_TEST_DATABASE_URL")
	if url == "" {
		t.Fatal("NOVACRON_TEST_DATABASE_URL must name a PostgreSQL server, as a URL; make test sets it")
	}
	cfg, err := parseConfig([]string{
		"-database-url", url, "-log-level", "error",
		"-listen", freeAddress(t), "-ui", freeAddress(t), "-health", freeAddress(t),
	}, nothing)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Database = cfg.Database.WithPrefix("test_" + strings.ToLower(rand.Text()[:10]) + "_")
	t.Cleanup(func() { dropDatabases(t, cfg.Database) })
	return cfg
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func dropDatabases(t *testing.T, d postgres.Database) {
	for _, cfg := range []*config.SQL{d.Main(1), d.Visibility(1)} {
		if err := sql.DoDropDatabase(cfg, "postgres", log.NewNoopLogger()); err != nil {
			t.Logf("%s stays behind: %v", cfg.DatabaseName, err)
		}
	}
}

// start runs the process until stop is called, and returns when it says that it is ready.
func start(t *testing.T, cfg Config) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, cfg, log.NewNoopLogger()) }()
	deadline := time.After(90 * time.Second)
	for !healthy(cfg.HealthAddress) {
		select {
		case err := <-ended:
			t.Fatalf("it ended before it was ready: %v", err)
		case <-deadline:
			t.Fatal("not ready after 90 s")
		case <-time.After(50 * time.Millisecond):
		}
	}
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
	}
}

func healthy(address string) bool {
	reply, err := http.Get(fmt.Sprintf("http://%s/healthz", address))
	if err != nil {
		return false
	}
	_ = reply.Body.Close()
	return reply.StatusCode == http.StatusOK
}

// TestRestartKeepsWhatWasAccepted starts on nothing, starts a workflow, stops, and starts again on what is there.
func TestRestartKeepsWhatWasAccepted(t *testing.T) {
	cfg := testConfig(t)
	stop := start(t, cfg)
	conn, err := grpc.NewClient(cfg.Cluster.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	temporal := workflowservice.NewWorkflowServiceClient(conn)

	attributes, err := operatorservice.NewOperatorServiceClient(conn).ListSearchAttributes(t.Context(),
		&operatorservice.ListSearchAttributesRequest{Namespace: cfg.Namespace.Name})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range namespace.Keywords {
		if kind := attributes.GetCustomAttributes()[name]; kind != enumspb.INDEXED_VALUE_TYPE_KEYWORD {
			t.Errorf("the search attribute %s is of type %s", name, kind)
		}
	}
	_, err = temporal.StartWorkflowExecution(t.Context(), &workflowservice.StartWorkflowExecutionRequest{
		Namespace: cfg.Namespace.Name, WorkflowId: "op_1", RequestId: "1",
		WorkflowType: &common.WorkflowType{Name: "provision"}, TaskQueue: &taskqueue.TaskQueue{Name: "control"},
	})
	if err != nil {
		t.Fatal(err)
	}
	stop()

	cfg.Namespace.Retention = 48 * time.Hour
	defer start(t, cfg)()
	found, err := temporal.DescribeWorkflowExecution(t.Context(), &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: cfg.Namespace.Name, Execution: &common.WorkflowExecution{WorkflowId: "op_1"},
	}, grpc.WaitForReady(true))
	if err != nil {
		t.Fatalf("the workflow is lost: %v", err)
	}
	if status := found.GetWorkflowExecutionInfo().GetStatus(); status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		t.Errorf("the workflow is %s", status)
	}
	space, err := temporal.DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: cfg.Namespace.Name})
	if err != nil {
		t.Fatal(err)
	}
	if kept := space.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(); kept != 48*time.Hour {
		t.Errorf("the retention is %s after a restart with another", kept)
	}
	if reply, err := http.Get("http://" + cfg.UIAddress + "/"); err != nil || reply.StatusCode != http.StatusOK {
		t.Errorf("the web UI answers %v, %v", reply, err)
	}
}

func TestAwaitsPostgreSQLUntilItIsTold(t *testing.T) {
	cfg := testConfig(t)
	gone, err := postgres.Parse("postgres://nobody@/postgres?host=" + t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Database = gone
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := run(ctx, cfg, log.NewNoopLogger()); err != context.DeadlineExceeded {
		t.Errorf("without PostgreSQL it ended with %v", err)
	}
}
