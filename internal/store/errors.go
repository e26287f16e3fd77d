package store

import "github.com/novacron/novacron/internal/fault"

var errUnbuilt = fault.Internal("the store is being built")
