// Package namespace ensures NovaCron's namespace in Temporal and the search attributes that its workflows set.
//
// It never removes a namespace or an attribute.
package namespace

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Keywords are the search attributes by which NovaCron finds its workflows, all of type Keyword.
var Keywords = []string{"NovacronResource", "NovacronKind", "NovacronProject", "NovacronHost"}

// Wanted is what Ensure makes true.
type Wanted struct {
	Name      string
	Retention time.Duration // of closed workflows
	Keywords  []string      // custom search attributes of type Keyword
}

type ensurer struct {
	workflows workflowservice.WorkflowServiceClient
	operator  operatorservice.OperatorServiceClient
	wanted    Wanted
}

// Ensure returns when the namespace at the frontend address exists with its attributes and answers a query over them,
// which is the point from which workflows can be started and found. It repeats what fails until ctx ends.
func Ensure(ctx context.Context, address string, wanted Wanted) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	e := ensurer{workflows: workflowservice.NewWorkflowServiceClient(conn), operator: operatorservice.NewOperatorServiceClient(conn), wanted: wanted}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"namespace", e.namespace},
		{"search attributes", e.attributes},
		{"query", e.query},
	} {
		if err := untilDone(ctx, step.do); err != nil {
			return fmt.Errorf("cannot ensure the %s of %s in Temporal: %w", step.name, wanted.Name, err)
		}
	}
	return nil
}

// errUnusable marks what repeating cannot mend.
var errUnusable = errors.New("needs an administrator")

func untilDone(ctx context.Context, do func(context.Context) error) error {
	const patience, pause = 60 * time.Second, 50 * time.Millisecond
	deadline := time.Now().Add(patience)
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := do(attempt)
		cancel()
		if err == nil || errors.Is(err, errUnusable) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (e ensurer) namespace(ctx context.Context) error {
	found, err := e.workflows.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: e.wanted.Name})
	retention := durationpb.New(e.wanted.Retention)
	var missing *serviceerror.NamespaceNotFound
	switch err = serviceerror.FromStatus(status.Convert(err)); {
	case errors.As(err, &missing):
		_, err = e.workflows.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace:                        e.wanted.Name,
			Description:                      "NovaCron's operations, one workflow each",
			WorkflowExecutionRetentionPeriod: retention,
		})
		return err
	case err != nil:
		return err
	case found.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() == e.wanted.Retention:
		return nil
	}
	_, err = e.workflows.UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: e.wanted.Name,
		Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: retention},
	})
	return err
}

func (e ensurer) attributes(ctx context.Context) error {
	present, err := e.operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: e.wanted.Name})
	if err != nil {
		return err
	}
	missing := map[string]enumspb.IndexedValueType{}
	for _, name := range e.wanted.Keywords {
		kind, ok := present.GetCustomAttributes()[name]
		if ok && kind != enumspb.INDEXED_VALUE_TYPE_KEYWORD {
			return fmt.Errorf("the search attribute %s has type %s instead of Keyword, remove it first: %w", name, kind, errUnusable)
		}
		if !ok {
			missing[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = e.operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: e.wanted.Name, SearchAttributes: missing})
	return err
}

// query proves that the frontend's caches know the namespace and the attributes: both are refreshed on a timer.
func (e ensurer) query(ctx context.Context) error {
	for _, name := range e.wanted.Keywords {
		_, err := e.workflows.CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: e.wanted.Name,
			Query:     name + " = 'none'",
		})
		if err != nil {
			return err
		}
	}
	return nil
}
