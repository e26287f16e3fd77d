package postgres

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
	schemaversion "go.temporal.io/server/schema/postgresql/v12"
	"go.temporal.io/server/tools/common/schema"
	"go.temporal.io/server/tools/sql"
)

// Await returns once PostgreSQL accepts a connection, however long that takes: it may well start after us. It gives up
// only when ctx ends.
func Await(ctx context.Context, d Database, logger log.Logger) error {
	const pause, complainEvery = 200 * time.Millisecond, 25
	for attempt := 0; ; attempt++ {
		connection, err := sql.NewConnection(d.sql(d.maintenance, 1), log.NewNoopLogger())
		if err == nil {
			// The connection is lazy: only a query tells.
			_, err = connection.ListTables()
			connection.Close()
		}
		if err == nil {
			return nil
		}
		if attempt%complainEvery == 0 {
			logger.Warn("waiting for PostgreSQL", tag.Address(d.String()), tag.Error(err))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// EnsureSchema creates the databases that are missing and applies the schema versions that are missing. A run that was
// killed half-way is completed by the next one.
func EnsureSchema(ctx context.Context, d Database, logger log.Logger) error {
	for _, part := range []struct {
		database        *config.SQL
		schema, version string
	}{
		{d.Main(2), "postgresql/v12/temporal", schemaversion.Version},
		{d.Visibility(2), "postgresql/v12/visibility", schemaversion.VisibilityVersion},
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if current(part.database) == part.version {
			continue
		}
		name := part.database.DatabaseName
		// The library takes a configuration of its own, because it changes the name in it.
		if err := sql.DoCreateDatabase(d.sql(name, 1), d.maintenance, logger); err != nil {
			return fmt.Errorf("cannot create the database %s: %w", name, err)
		}
		if err := ensureVersion(part.database, part.schema, logger); err != nil {
			return fmt.Errorf("cannot bring the schema of %s to version %s: %w", name, part.version, err)
		}
	}
	if err := dropNeedlessIndexes(d.Visibility(1)); err != nil {
		return fmt.Errorf("cannot drop the indexes that nobody asks by: %w", err)
	}
	return nil
}

// needlessIndexes drops most of the 74 indexes on the list of workflows, one for each attribute that a workflow could have.
// Each row is written three times in a workflow's life, so they cost more than all else that PostgreSQL does for it. What is
// left serves Temporal's own lists and NovaCron's search attributes, which are the first of the keywords.
const needlessIndexes = `do $$
declare needless record;
begin
	for needless in
		select indexname from pg_indexes
		where schemaname = current_schema() and tablename = 'executions_visibility' and indexname not in (
			'executions_visibility_pkey', 'default_idx', 'by_execution_time', 'by_workflow_id', 'by_workflow_type', 'by_status',
			'by_temporal_namespace_division', 'by_keyword_01', 'by_keyword_02', 'by_keyword_03', 'by_keyword_04')
	loop
		execute format('drop index %I', needless.indexname);
	end loop;
end $$`

func dropNeedlessIndexes(visibility *config.SQL) error {
	connection, err := sql.NewConnection(visibility, log.NewNoopLogger())
	if err != nil {
		return err
	}
	defer connection.Close()
	return connection.Exec(needlessIndexes)
}

// current is the version of a database's schema, and "" if it cannot be told.
func current(cfg *config.SQL) string {
	connection, err := sql.NewConnection(cfg, log.NewNoopLogger())
	if err != nil {
		return ""
	}
	defer connection.Close()
	version, err := connection.ReadSchemaVersion()
	if err != nil {
		return ""
	}
	return version
}

// ensureVersion runs the same two tasks as temporal-sql-tool's setup-schema -v 0.0 and update-schema. The first never
// lowers a version, and the second goes on where one that was killed stopped.
func ensureVersion(cfg *config.SQL, schemaName string, logger log.Logger) error {
	connection, err := sql.NewConnection(cfg, logger)
	if err != nil {
		return err
	}
	defer connection.Close()
	setup := &schema.SetupConfig{InitialVersion: "0.0"}
	if err := schema.NewSetupSchemaTask(connection, setup, logger).Run(); err != nil {
		return err
	}
	return schema.NewUpdateSchemaTask(connection, &schema.UpdateConfig{SchemaName: schemaName}, logger).Run()
}
