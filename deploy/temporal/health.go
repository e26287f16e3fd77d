package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// frontendHealth is the name under which Temporal's frontend answers the gRPC health protocol
// (go.temporal.io/server service/frontend/service.go).
const frontendHealth = "temporal.api.workflowservice.v1.WorkflowService"

// health answers GET /healthz: 503 until Ready was called, then whatever the frontend says about itself.
type health struct {
	server   *http.Server
	frontend atomic.Pointer[grpc.ClientConn]
}

func startHealth(address string) (*health, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on -health %s: %w", address, err)
	}
	h := &health{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", h.answer)
	h.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = h.server.Serve(listener) }()
	return h, nil
}

// Ready turns the answer over to the frontend at address.
func (h *health) Ready(address string) {
	// NewClient does not dial, so its error can only be a malformed address, which has served requests by now.
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err == nil {
		h.frontend.Store(conn)
	}
}

func (h *health) answer(w http.ResponseWriter, r *http.Request) {
	conn := h.frontend.Load()
	if conn == nil {
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	reply, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: frontendHealth})
	switch {
	case err != nil:
		http.Error(w, "frontend does not answer: "+err.Error(), http.StatusServiceUnavailable)
	case reply.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING:
		http.Error(w, "frontend is "+reply.GetStatus().String(), http.StatusServiceUnavailable)
	default:
		_, _ = fmt.Fprintln(w, "ok")
	}
}

func (h *health) Stop() {
	_ = h.server.Close()
	if conn := h.frontend.Load(); conn != nil {
		_ = conn.Close()
	}
}
