package store

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/novacron/novacron/internal/event"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/image"
	"github.com/novacron/novacron/internal/project"
	"github.com/novacron/novacron/internal/store/db"
)

// nameOnly is the data of events whose type says all else.
type nameOnly struct {
	Name string `json:"name"`
}

// InsertImage records an image, with the event image.imported; Conflict at "name" if the name is taken. An image that does
// not say which format it came in came as it is.
func (s *Store) InsertImage(ctx context.Context, added image.Image) error {
	if err := project.CheckName(added.Name); err != nil {
		return err
	}
	return s.change(ctx, func(c *change) error {
		c.emit(event.Event{Type: "image.imported", Project: string(added.Project), SubjectKind: "image", SubjectID: string(added.ID)},
			nameOnly{added.Name})
		return nameTaken(c.InsertImage(ctx, db.InsertImageParams{
			ID: string(added.ID), ProjectID: orNull(added.Project), Name: added.Name, Format: added.Format,
			SourceFormat: cmp.Or(added.SourceFormat, added.Format), Sha256: added.SHA256,
			SizeBytes: added.SizeBytes, VirtualBytes: added.VirtualBytes,
		}), "an image", added.Name)
	})
}

// GetImage finds an image of the project, or one for every project, by name or ID. The project's own comes first.
func (s *Store) GetImage(ctx context.Context, project id.Project, ref string) (image.Image, error) {
	rows, err := s.queries.FindImage(ctx, ref, string(project))
	switch {
	case err != nil:
		return image.Image{}, translate(err)
	case len(rows) == 0:
		return image.Image{}, fault.NotFound("there is no image %s; list them with novacron image list", ref)
	case len(rows) > 1 && project == "":
		return image.Image{}, ambiguous("image", ref)
	}
	return imageOf(rows[0])
}

func imageOf(row db.ImageRecord) (image.Image, error) {
	return image.Image{
		ID: id.Image(row.ID), Project: fromNull[id.Project](row.ProjectID), Name: row.Name, Format: row.Format,
		SourceFormat: row.SourceFormat, SHA256: row.Sha256, SizeBytes: row.SizeBytes, VirtualBytes: row.VirtualBytes, VMs: int(row.VMs),
		Templates: row.Templates, CreatedAt: row.CreatedAt,
	}, nil
}

// ListImages returns the project's images and those for every project, by name.
func (s *Store) ListImages(ctx context.Context, project id.Project) ([]image.Image, error) {
	rows, err := s.queries.ListImages(ctx, string(project))
	return mapRows(rows, err, imageOf)
}

// DeleteImage forgets an image, with the event image.deleted; Conflict while VMs, volumes or versions of templates stand on it.
func (s *Store) DeleteImage(ctx context.Context, imageID id.Image) error {
	return s.change(ctx, func(c *change) error {
		deleted, err := c.DeleteImage(ctx, string(imageID))
		if gone(err) == nil && err != nil {
			return fault.NotFound("there is no image %s; list them with novacron image list", imageID)
		}
		if err != nil {
			return stillUsed(madeIntoVersions(err, imageID), "disks of VMs stand on image %s; delete those VMs first", imageID)
		}
		c.emit(event.Event{
			Type: "image.deleted", Project: fromNull[string](deleted.ProjectID), SubjectKind: "image", SubjectID: string(imageID),
		}, nameOnly{deleted.Name})
		return nil
	})
}

// ShareImageBytes keeps others from holding the bytes of that hash until release is called. Whoever brings an image's bytes
// and its row together shares them; it takes a connection, so few may do so at a time. The error is Unavailable when
// they are held for long.
func (s *Store) ShareImageBytes(ctx context.Context, sha256 string) (release func(), err error) {
	return s.lockBytes(ctx, func(on *db.Queries) error { return on.ShareImageBytes(ctx, sha256) })
}

// HoldImageBytes keeps all others from the bytes of that hash until release is called, for whoever takes them apart from
// their row.
func (s *Store) HoldImageBytes(ctx context.Context, sha256 string) (release func(), err error) {
	return s.lockBytes(ctx, func(on *db.Queries) error { return on.HoldImageBytes(ctx, sha256) })
}

func (s *Store) lockBytes(ctx context.Context, lock func(*db.Queries) error) (release func(), err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, translate(err)
	}
	if err := lock(db.New(conn)); err != nil {
		conn.Release()
		return nil, translate(err)
	}
	return func() {
		limited, stop := context.WithTimeout(context.WithoutCancel(ctx), unlockLimit)
		defer stop()
		if err := db.New(conn).ReleaseImageBytes(limited); err != nil {
			_ = conn.Conn().Close(limited) // which lets go of it too
		}
		conn.Release()
	}, nil
}

// unlockLimit is how long letting go of a lock may take before its connection is given up.
const unlockLimit = 5 * time.Second

// ImagePeer is a host that has a copy of an image.
type ImagePeer struct {
	Address   string // where other hosts reach it
	TokenHash []byte
}

// ImagePeers returns hosts, other than one, that have reported since and have a copy of the image.
func (s *Store) ImagePeers(ctx context.Context, of id.Image, except id.Host, since time.Time) ([]ImagePeer, error) {
	rows, err := s.queries.ImagePeers(ctx, string(except), since, string(of))
	if err != nil {
		return nil, translate(err)
	}
	peers := make([]ImagePeer, 0, len(rows))
	for _, row := range rows {
		var facts host.Facts
		if err := json.Unmarshal(row.Facts, &facts); err != nil {
			return nil, translate(err)
		}
		peers = append(peers, ImagePeer{Address: facts.MigrationAddress, TokenHash: row.TokenHash})
	}
	return peers, nil
}
