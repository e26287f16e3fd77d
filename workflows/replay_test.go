package workflows

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	enums "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/proto"
)

// Histories of operations that really ran are kept in testdata, named <kind>-<how it ended>[-long].json. Workflow code that
// no longer replays them would break the operations that are under way while NovaCron is being updated: put the old way
// behind workflow.GetVersion instead. To record new ones from a running installation, after operations have run on it:
//
//	go test ./workflows -run TestHistoriesReplay -record
//
// It asks Temporal at $NOVACRON_TEMPORAL_ADDRESS (127.0.0.1:7233) in $NOVACRON_TEMPORAL_NAMESPACE (novacron), keeps the
// shortest and the longest history of each kind and end, and adds to those that are there without replacing any.
var record = flag.Bool("record", false, "add histories from a running installation to testdata")

// largestHistory is how many bytes of JSON a kept history may have.
const largestHistory = 160 << 10

func TestHistoriesReplay(t *testing.T) {
	if *record {
		recordHistories(t)
	}
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	must(t, err)
	missing := map[string]bool{ScheduledBackupName: true}
	for kind := range entries {
		missing[string(kind)] = true
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		kind, _, _ := strings.Cut(name, "-")
		delete(missing, kind)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			must(t, replayer().ReplayWorkflowHistory(discardLogger{}, readHistory(t, path)))
		})
	}
	for kind := range missing {
		t.Errorf("no history of %s is in testdata; run one and record it with -record", kind)
	}
}

func replayer() worker.WorkflowReplayer {
	made := worker.NewWorkflowReplayer()
	Register(made)
	return made
}

func readHistory(t *testing.T, path string) *historypb.History {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	var history historypb.History
	must(t, temporalproto.CustomJSONUnmarshalOptions{}.Unmarshal(content, &history))
	return &history
}

func fromEnvironment(name, otherwise string) string { return cmp.Or(os.Getenv(name), otherwise) }

func recordHistories(t *testing.T) {
	namespace := fromEnvironment("NOVACRON_TEMPORAL_NAMESPACE", "novacron")
	connected, err := client.Dial(client.Options{
		HostPort: fromEnvironment("NOVACRON_TEMPORAL_ADDRESS", "127.0.0.1:7233"), Namespace: namespace, Logger: discardLogger{},
	})
	must(t, err)
	defer connected.Close()
	kinds := []string{ScheduledBackupName}
	for kind := range entries {
		kinds = append(kinds, string(kind))
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		for _, status := range []string{"Completed", "Failed", "Canceled"} {
			answer, err := connected.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
				Namespace: namespace, PageSize: 100, Query: fmt.Sprintf("WorkflowType='%s' AND ExecutionStatus='%s'", kind, status),
			})
			must(t, err)
			keepHistories(t, connected, kind+"-"+strings.ToLower(status), answer.GetExecutions())
		}
	}
}

// keepHistories keeps the shortest history that replays and the longest one.
func keepHistories(t *testing.T, connected client.Client, name string, found []*workflowpb.WorkflowExecutionInfo) {
	slices.SortFunc(found, func(a, b *workflowpb.WorkflowExecutionInfo) int {
		return cmp.Compare(a.GetHistoryLength(), b.GetHistoryLength())
	})
	for _, suffix := range []string{"", "-long"} {
		for _, each := range found {
			content, err := goodHistory(t.Context(), connected, each)
			if err != nil {
				t.Logf("%s %s is not kept: %v", name, each.GetExecution().GetWorkflowId(), err)
				continue
			}
			path := filepath.Join("testdata", name+suffix+".json")
			if _, err := os.Stat(path); err == nil {
				break
			}
			must(t, os.WriteFile(path, content, 0o644))
			break
		}
		slices.Reverse(found)
		if len(found) < 2 || found[0].GetHistoryLength() == found[len(found)-1].GetHistoryLength() {
			return
		}
	}
}

func goodHistory(ctx context.Context, connected client.Client, of *workflowpb.WorkflowExecutionInfo) ([]byte, error) {
	history := &historypb.History{}
	events := connected.GetWorkflowHistory(ctx, of.GetExecution().GetWorkflowId(), of.GetExecution().GetRunId(), false,
		enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, err
		}
		history.Events = append(history.Events, event)
	}
	content, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(history)
	if err != nil {
		return nil, err
	}
	if len(content) > largestHistory {
		return nil, fmt.Errorf("it has %d bytes", len(content))
	}
	// The replay takes events out of what it is given.
	return content, replayer().ReplayWorkflowHistory(discardLogger{}, proto.Clone(history).(*historypb.History))
}
