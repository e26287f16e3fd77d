package store

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
)

// claim checks that the operation may hold what it needs and keeps others from claiming it until the transaction ends.
// The unique index alone would let one operation share what another takes for itself at the same moment.
func (c *change) claim(ctx context.Context, wanted Acceptance) error {
	all := append(append([]string{}, wanted.Claims...), wanted.Shared...)
	if len(all) == 0 {
		return nil
	}
	if err := c.LockResources(ctx, all); err != nil {
		return err
	}
	holder, err := c.ClaimInTheWay(ctx, wanted.Claims, wanted.Shared)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return busy(wanted.Operation.Subject, holder.ResourceID, holder.OperationID, holder.Kind)
}

// keepClaims records them, once the operation is there.
func (c *change) keepClaims(ctx context.Context, wanted Acceptance) error {
	if len(wanted.Claims)+len(wanted.Shared) == 0 {
		return nil
	}
	return c.InsertClaims(ctx, string(wanted.Operation.ID), wanted.Claims, wanted.Shared)
}

func busy(subject operation.Subject, resource, operationID, kind string) error {
	name := resource
	if resource == subject.ID && subject.Name != "" {
		name = subject.Name
	}
	return fault.Conflict("%s %s is busy: operation %s (%s) is working on it; wait for it or cancel it",
		nounOf(resource), name, operationID, kind)
}

// nounOf is the word for what an ID names.
func nounOf(resource string) string {
	prefix, _, _ := strings.Cut(resource, "_")
	switch prefix {
	case "vm":
		return "VM"
	case "vol":
		return "volume"
	case "hst":
		return "host"
	case "snp":
		return "snapshot"
	case "bkp":
		return "backup"
	case "sch":
		return "schedule"
	case "img":
		return "image"
	}
	return "resource"
}
