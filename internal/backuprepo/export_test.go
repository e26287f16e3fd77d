package backuprepo

// SetPackBytes makes packs smaller, so that tests need less data to fill several.
func (r *Repository) SetPackBytes(bytes int) { r.packBytes = bytes }
