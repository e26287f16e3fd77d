package worker

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// temporalBinary is what `make build` makes of deploy/temporal.
const temporalBinary = "../bin/novacron-temporal"

const temporalNamespace = "novacron"

// temporalProcess is a Temporal of these tests' own, which can be killed and started again.
type temporalProcess struct {
	address, health string
	arguments       []string
	log             string
	process         *exec.Cmd
}

// newTemporal is for a PostgreSQL server that dsn names a database of.
func newTemporal(t *testing.T, dsn, directory string) *temporalProcess {
	t.Helper()
	if _, err := os.Stat(temporalBinary); err != nil {
		t.Fatalf("these tests need a real Temporal: run `make build` (%v)", err)
	}
	server, err := pgx.ParseConfig(dsn)
	must(t, err)
	database := url.URL{
		Scheme: "postgres", User: url.User(server.User), Path: "/postgres", RawQuery: url.Values{"host": {server.Host}}.Encode(),
	}
	made := &temporalProcess{address: freeAddress(t), health: freeAddress(t), log: filepath.Join(directory, "temporal.log")}
	made.arguments = []string{
		"-database-url", database.String(), "-namespace", temporalNamespace, "-log-level", "error",
		"-listen", made.address, "-health", made.health, "-ui", freeAddress(t),
	}
	return made
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// start returns when Temporal says that it is ready.
func (p *temporalProcess) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(t, err)
	defer log.Close()
	p.process = exec.Command(temporalBinary, p.arguments...)
	p.process.Stdout, p.process.Stderr = log, log
	p.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it must not outlive a test binary that is killed
	must(t, p.process.Start())
	await(t, 90*time.Second, "Temporal is ready; read "+p.log, func() bool {
		answer, err := http.Get("http://" + p.health + "/healthz")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// stop kills it, as a power cut would.
func (p *temporalProcess) stop() {
	if p.process == nil {
		return
	}
	_ = p.process.Process.Kill()
	_ = p.process.Wait()
	p.process = nil
}
