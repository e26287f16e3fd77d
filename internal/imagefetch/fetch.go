package imagefetch

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/novacron/novacron/internal/fault"
)

// How long a server may keep a fetch waiting, and how often it may send it on.
const (
	dialLimit    = 20 * time.Second
	answerLimit  = time.Minute
	stallLimit   = time.Minute
	maxRedirects = 10
)

// Request is a file to fetch.
type Request struct {
	URL      string
	Local    bool                    // also from addresses that only this machine can reach
	File     string                  // where it goes; the same file continues an earlier fetch
	MaxBytes int64                   // of the file
	Progress func(done, total int64) // told now and then; total is 0 if the server does not say
	TooLarge error                   // what is returned for a larger file
}

// Fetched is a file that is there whole.
type Fetched struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// memory is what is kept beside the file so that another attempt can go on.
type memory struct {
	URL      string   `json:"url"`
	ETag     string   `json:"etag,omitempty"`
	Modified string   `json:"last_modified,omitempty"`
	Total    int64    `json:"total,omitempty"`
	Whole    *Fetched `json:"whole,omitempty"`
}

// validator is what an If-Range may hold; empty if the server names its file in no way that can be relied on.
func (m memory) validator() string {
	if m.ETag != "" && !strings.HasPrefix(m.ETag, "W/") {
		return m.ETag
	}
	return m.Modified
}

// fetch is one attempt.
type fetch struct {
	Request
	client *http.Client
	known  memory
}

// Fetch downloads the file, or what is missing of it. Errors: Unavailable for what may pass (no answer, a connection that
// broke, a server that is busy), Exhausted without room, Invalid for all that another attempt would not change.
func Fetch(ctx context.Context, asked Request) (Fetched, error) {
	if _, err := parse(asked.URL); err != nil {
		return Fetched{}, err
	}
	f := &fetch{Request: asked}
	f.recall()
	if f.known.Whole != nil {
		return *f.known.Whole, nil
	}
	transport := &http.Transport{
		DialContext: dialer(asked.Local).DialContext, TLSHandshakeTimeout: dialLimit, ResponseHeaderTimeout: answerLimit,
		DisableCompression: true, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10,
	}
	defer transport.CloseIdleConnections()
	f.client = &http.Client{Transport: transport, CheckRedirect: checkRedirect}
	return f.run(ctx)
}

// checkRedirect keeps to the scheme that was asked for.
func checkRedirect(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	switch {
	case len(before) > maxRedirects:
		return fault.Invalid("the server sends the request on more than %d times; give the URL of the file itself", maxRedirects).At("url")
	case next.URL.Scheme != first.Scheme:
		return fault.Invalid("the server sends the request on from %s to %s; give the URL of the file itself", first.Scheme, next.URL.Scheme).At("url")
	}
	_, err := parse(next.URL.String())
	return err
}

func (f *fetch) memoryFile() string { return f.File + ".json" }

// recall reads what an earlier attempt knew; anything that does not fit begins anew.
func (f *fetch) recall() {
	content, err := os.ReadFile(f.memoryFile())
	if err == nil {
		err = json.Unmarshal(content, &f.known)
	}
	info, statErr := os.Stat(f.File)
	switch {
	case err != nil, statErr != nil, f.known.URL != f.URL, f.known.Whole != nil && f.known.Whole.Bytes != info.Size():
		f.known = memory{URL: f.URL}
	}
}

func (f *fetch) remember() error {
	content, err := json.Marshal(f.known)
	if err != nil {
		return fault.Internal("the progress of the download cannot be recorded").Because(err)
	}
	temporary := f.memoryFile() + ".new"
	if err := errors.Join(os.WriteFile(temporary, content, 0o600), os.Rename(temporary, f.memoryFile())); err != nil {
		return roomFault(err)
	}
	return nil
}

func roomFault(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.Exhausted("the server has no room for the image; free some and import it again").Because(err)
	}
	return fault.Internal("the image cannot be kept on the server").Because(err)
}

func (f *fetch) run(ctx context.Context) (Fetched, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	file, err := os.OpenFile(f.File, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return Fetched{}, roomFault(err)
	}
	defer file.Close()
	offset, err := f.begin(file)
	if err != nil {
		return Fetched{}, err
	}
	if offset > 0 && offset == f.known.Total {
		return f.finish(ctx, file)
	}
	answer, err := f.get(ctx, offset)
	if err == nil && offset > 0 && !f.continues(answer, offset) {
		if answer.StatusCode != http.StatusOK {
			_ = answer.Body.Close()
			answer, err = f.get(ctx, 0)
		}
		offset = 0
	}
	if err != nil {
		return Fetched{}, err
	}
	defer answer.Body.Close()
	if offset == 0 {
		err = f.beginAnew(file, answer)
	}
	if err != nil {
		return Fetched{}, err
	}
	body := &watched{from: answer.Body, timer: time.AfterFunc(stallLimit, func() { stop(errStalled) }), done: offset, total: f.known.Total, tell: f.Progress}
	defer body.timer.Stop()
	if err := f.copy(ctx, file, body, offset); err != nil {
		return Fetched{}, err
	}
	return f.finish(ctx, file)
}

// begin is how much of the file is there and can be relied on.
func (f *fetch) begin(file *os.File) (int64, error) {
	if f.known.validator() == "" {
		return 0, nil
	}
	offset, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, roomFault(err)
	}
	return offset, nil
}

func (f *fetch) get(ctx context.Context, offset int64) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		return nil, fault.Invalid("the URL is not readable").At("url").Because(err)
	}
	request.Header.Set("User-Agent", "novacron")
	if offset > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		request.Header.Set("If-Range", f.known.validator())
	}
	answer, err := f.client.Do(request)
	if err != nil {
		return nil, explain(ctx, request.URL.Hostname(), err)
	}
	return answer, nil
}

// continues reports whether an answer is the rest of the file that we have the beginning of.
func (f *fetch) continues(answer *http.Response, offset int64) bool {
	var first, last, total int64
	count, _ := fmt.Sscanf(answer.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total)
	named := "Last-Modified"
	if f.known.validator() == f.known.ETag {
		named = "ETag"
	}
	return answer.StatusCode == http.StatusPartialContent && count == 3 && first == offset && last == total-1 && total == f.known.Total &&
		answer.Header.Get(named) == f.known.validator()
}

// beginAnew judges an answer that has the whole file, and forgets what was there.
func (f *fetch) beginAnew(file *os.File, answer *http.Response) error {
	if err := judge(answer); err != nil {
		return err
	}
	if answer.ContentLength > f.MaxBytes {
		return f.TooLarge
	}
	_, err := file.Seek(0, io.SeekStart)
	if err := errors.Join(err, file.Truncate(0)); err != nil {
		return roomFault(err)
	}
	f.known = memory{
		URL: f.URL, ETag: answer.Header.Get("ETag"), Modified: answer.Header.Get("Last-Modified"), Total: max(0, answer.ContentLength),
	}
	return f.remember()
}

func judge(answer *http.Response) error {
	server, status := answer.Request.URL.Hostname(), answer.StatusCode
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	encoding := answer.Header.Get("Content-Encoding")
	switch {
	case status == http.StatusNotFound || status == http.StatusGone:
		return fault.Invalid("%s has no such file (%d): check the URL", server, status).At("url")
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fault.Invalid("%s does not give the file to everybody (%d): download it yourself and upload it", server, status).At("url")
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		return fault.Unavailable("%s does not give the file now (%d); try again later", server, status)
	case status != http.StatusOK:
		return fault.Invalid("%s answers with %d instead of the file: check the URL", server, status).At("url")
	case kind == "text/html" || kind == "application/xhtml+xml":
		return webPage(server)
	case encoding != "" && encoding != "identity" && encoding != "gzip" && encoding != "x-gzip": // gzip is unpacked as a packed file is
		return fault.Invalid("%s sends the file only encoded as %.20q: download it yourself and upload it", server, encoding).At("url")
	}
	return nil
}

func webPage(server string) error {
	return fault.Invalid("%s answers with a web page instead of an image: give the URL of the file itself", server).At("url")
}

var errStalled = errors.New("no bytes came for a minute")

func (f *fetch) copy(ctx context.Context, file *os.File, body *watched, offset int64) error {
	buffered := bufio.NewReaderSize(body, 256<<10)
	server := hostOf(f.URL)
	if offset == 0 {
		head, _ := buffered.Peek(512) // an error comes again below
		if strings.HasPrefix(http.DetectContentType(head), "text/html") {
			return webPage(server)
		}
	}
	copied, err := io.Copy(file, io.LimitReader(buffered, f.MaxBytes-offset+1))
	switch {
	case err != nil && body.failure == nil:
		return roomFault(err)
	case err != nil:
		return explain(ctx, server, err)
	case offset+copied > f.MaxBytes:
		return f.TooLarge
	case f.known.Total > 0 && offset+copied != f.known.Total:
		return fault.Unavailable("%s sent %d bytes of %d", server, offset+copied, f.known.Total)
	}
	return nil
}

// finish reads the file once more for its hash, which also covers what an earlier attempt fetched.
func (f *fetch) finish(ctx context.Context, file *os.File) (Fetched, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Fetched{}, roomFault(err)
	}
	sum := sha256.New()
	bytes, err := io.Copy(sum, readerFunc(func(buffer []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return file.Read(buffer)
	}))
	switch {
	case ctx.Err() != nil:
		return Fetched{}, ctx.Err()
	case err != nil:
		return Fetched{}, roomFault(err)
	}
	if err := file.Sync(); err != nil {
		return Fetched{}, roomFault(err)
	}
	f.known.Whole = &Fetched{Bytes: bytes, SHA256: hex.EncodeToString(sum.Sum(nil))}
	return *f.known.Whole, f.remember()
}

type readerFunc func([]byte) (int, error)

// Read implements io.Reader.
func (r readerFunc) Read(buffer []byte) (int, error) { return r(buffer) }

// watched is a body that must keep coming.
type watched struct {
	from        io.Reader
	timer       *time.Timer
	done, total int64
	tell        func(done, total int64)
	failure     error
}

// Read implements io.Reader.
func (w *watched) Read(buffer []byte) (int, error) {
	n, err := w.from.Read(buffer)
	w.timer.Reset(stallLimit)
	w.done += int64(n)
	if w.tell != nil {
		w.tell(w.done, w.total)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		w.failure = err
	}
	return n, err
}

func hostOf(text string) string {
	parsed, err := parse(text)
	if err != nil {
		return "the server"
	}
	return parsed.Hostname()
}

// explain makes a fault of what net/http says. What we refused ourselves is in its chain.
func explain(ctx context.Context, server string, err error) error {
	if refused, ok := errors.AsType[*fault.Error](err); ok {
		return refused
	}
	var unknown *net.DNSError
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.Is(context.Cause(ctx), errStalled):
		return fault.Unavailable("%s stopped sending the file; it is tried again", server).Because(err)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return fault.Invalid("there is no server named %s: check the URL", server).At("url").Because(err)
	case errors.As(err, &untrusted):
		return fault.Invalid("the certificate of %s is not trusted here: add its authority to this server's, or upload the file", server).At("url").Because(err)
	}
	return fault.Unavailable("%s does not answer, or broke the download off; see whether it is up", server).Because(err)
}
