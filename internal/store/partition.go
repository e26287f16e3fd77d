package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	day            = 24 * time.Hour
	partitionsPast = 1 // days; oldestReading may fall into yesterday
	partitionsNext = 3 // days; how long the samples may go on if nobody calls EnsurePartitions
	partitionDate  = "20060102"
)

var partitionedTables = []string{"vm_samples", "host_samples"}

// EnsurePartitions makes the daily partitions (UTC) of the samples around now, a few days ahead. Call it at start and
// daily.
func (s *Store) EnsurePartitions(ctx context.Context, now time.Time) error {
	return s.withPartitions(ctx, func(c *change, existing []string) error {
		today := now.UTC().Truncate(day)
		for _, table := range partitionedTables {
			for offset := -partitionsPast; offset <= partitionsNext; offset++ {
				from := today.Add(time.Duration(offset) * day)
				name := table + "_" + from.Format(partitionDate)
				// Asked first, because even a creation that finds the table there stops everyone who writes samples.
				if slices.Contains(existing, name) {
					continue
				}
				statement := fmt.Sprintf("create table %s partition of %s for values from ('%s') to ('%s')",
					name, table, from.Format(time.RFC3339), from.Add(day).Format(time.RFC3339))
				if _, err := c.opening.Exec(ctx, statement); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// DropPartitions drops the daily partitions that end at or before that time.
func (s *Store) DropPartitions(ctx context.Context, before time.Time) error {
	return s.withPartitions(ctx, func(c *change, existing []string) error {
		for _, name := range existing {
			from, err := time.Parse(partitionDate, name[max(0, len(name)-len(partitionDate)):])
			if err != nil || from.Add(day).After(before) {
				continue
			}
			if _, err := c.opening.Exec(ctx, "drop table "+name); err != nil {
				return err
			}
		}
		return nil
	})
}

// withPartitions runs work with the names of all partitions, in one transaction at a time.
func (s *Store) withPartitions(ctx context.Context, work func(*change, []string) error) error {
	return s.change(ctx, func(c *change) error {
		if err := c.LockResources(ctx, partitionedTables); err != nil {
			return err
		}
		existing, err := c.partitions(ctx)
		if err != nil {
			return err
		}
		return work(c, existing)
	})
}

// partitions asks the catalogue, which sqlc does not know.
func (c *change) partitions(ctx context.Context) ([]string, error) {
	rows, err := c.opening.Query(ctx, `select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
		where i.inhparent = any($1::text[]::regclass[]) order by c.relname`, partitionedTables)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
