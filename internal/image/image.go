// Package image is the noun for a disk image that VMs are made from.
//
// The package never reads an image's bytes; imagefile does.
package image

import (
	"time"

	"github.com/novacron/novacron/internal/id"
)

// Image is an immutable disk image. Its bytes are kept by the control plane and cached by hosts under their hash.
type Image struct {
	ID           id.Image   `json:"id"`
	Project      id.Project `json:"project_id,omitempty" doc:"Empty for an image that every project may use"`
	Name         string     `json:"name"`
	Format       string     `json:"format" enum:"qcow2,raw"`
	SourceFormat string     `json:"source_format" enum:"qcow2,raw,vmdk,vhdx,vdi,vhd,ova" doc:"The format that it came in"`
	SHA256       string     `json:"sha256" doc:"Of the bytes that are kept"`
	SizeBytes    int64      `json:"size_bytes" doc:"Bytes of the file"`
	VirtualBytes int64      `json:"virtual_bytes" doc:"Bytes of the disk it describes"`
	VMs          int        `json:"vms" doc:"VMs whose disk stands on it"`
	Templates    []string   `json:"templates" doc:"Versions of templates that are made of it and not withdrawn" example:"web:3"`
	CreatedAt    time.Time  `json:"created_at"`
}

// Upload is a file on its way to become an image.
type Upload struct {
	ReceivedBytes int64 `json:"received_bytes" doc:"How much of the file has come"`
}
