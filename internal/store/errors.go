package store

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/novacron/novacron/internal/fault"
)

// SQLSTATE codes, https://www.postgresql.org/docs/15/errcodes-appendix.html.
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
	checkViolation      = "23514"
	dataExceptions      = "22" // a class
)

// unavailableCodes begin the codes of what passes by itself: lost connections, a server that starts, stops or is full,
// and transactions that waited too long or were chosen to fail so that others could go on.
var unavailableCodes = []string{"08", "25P03", "40", "53", "55P03", "57"}

// translate makes a fault of any error: the one place where PostgreSQL's words become ours.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if already, ok := errors.AsType[*fault.Error](err); ok {
		return already
	}
	if reported, ok := errors.AsType[*pgconn.PgError](err); ok {
		return translateReported(reported)
	}
	if unanswered(err) {
		return unavailable(err)
	}
	return fault.Internal("the inventory failed in a way that it should not; the server's log has the cause").Because(err)
}

func translateReported(err *pgconn.PgError) error {
	for _, code := range unavailableCodes {
		if strings.HasPrefix(err.Code, code) {
			return unavailable(err)
		}
	}
	switch {
	case err.Code == foreignKeyViolation:
		return fault.NotFound("the %s that was named is not there any more; look it up again", referred(err)).Because(err)
	case err.Code == checkViolation && !missingPartition(err), strings.HasPrefix(err.Code, dataExceptions):
		return fault.Invalid("a value in the request cannot be kept: it is out of range or holds characters that text may not have").Because(err)
	}
	return fault.Internal("the inventory failed in a way that it should not; the server's log has the cause").Because(err)
}

func unavailable(cause error) error {
	return fault.Unavailable("the inventory's database does not answer; try again in a moment").Because(cause)
}

// unanswered reports whether err, which the server did not report, means that the server could not be asked.
func unanswered(err error) bool {
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	return connecting || network || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		strings.Contains(err.Error(), "closed pool") || strings.Contains(err.Error(), "conn closed")
}

var foreignKey = regexp.MustCompile(`_([a-z]+)_id_fkey$`)

// referred is the noun in a foreign key's name, such as image in vms_image_id_fkey.
func referred(err *pgconn.PgError) string {
	found := foreignKey.FindStringSubmatch(err.ConstraintName)
	switch {
	case found == nil:
		return "thing"
	case found[1] == "vm":
		return "VM"
	}
	return found[1]
}

// missingPartition reports whether a row was refused because no partition covers its day.
func missingPartition(err error) bool {
	reported, ok := errors.AsType[*pgconn.PgError](err)
	return ok && reported.Code == checkViolation && reported.ConstraintName == ""
}

// missing is what a query for one row failed with: NotFound in those words if there was no such row.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.NotFound(format, args...)
	}
	return translate(err)
}

// gone makes no error of a row that is not there.
func gone(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// nameTaken makes a Conflict at "name" of a violated constraint on names.
func nameTaken(err error, what, name string) error {
	reported, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || reported.Code != uniqueViolation || !strings.HasSuffix(reported.ConstraintName, "name_key") {
		return err
	}
	return fault.Conflict("there is already %s named %s; take another name", what, name).At("name").Because(err)
}

// stillUsed makes a Conflict in those words of a row that others refer to.
func stillUsed(err error, format string, args ...any) error {
	reported, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || reported.Code != foreignKeyViolation {
		return err
	}
	return fault.Conflict(format, args...).Because(err)
}

// changedSince is the answer to a stale If-Match.
func changedSince(what, name string, now, read int64) error {
	return fault.Conflict("%s %s changed since it was read (it is at generation %d, not %d); read it again and repeat the change", what, name, now, read)
}
