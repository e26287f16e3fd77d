package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/operation"
)

// Config says where the server is and who is asking.
type Config struct {
	URL     string // such as https://novacron.example.org; without /api/v1
	Token   string // nct_…; empty only to log in
	Project string // name or ID; empty: the token's own, or "default"
	HTTP    *http.Client
	Agent   string // User-Agent
}

// Client is a connection to one server as one user. It may be used by many goroutines.
type Client struct {
	base    *url.URL
	config  Config
	http    *http.Client
	backoff func(attempt int) time.Duration
}

const basePath = "/api/v1"

// New checks the configuration; the error is fault.Invalid. It does not reach out.
func New(config Config) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(config.URL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fault.Invalid("%q is not the URL of a server; it should look like http://127.0.0.1:8080", config.URL).At("url")
	}
	base.Path = strings.TrimSuffix(base.Path, basePath)
	connected := config.HTTP
	if connected == nil {
		connected = &http.Client{}
	}
	return &Client{base: base, config: config, http: connected, backoff: backoff}, nil
}

// URL is the server's base URL, which is also the web interface's.
func (c *Client) URL() string { return c.base.String() }

// Change is how a change is asked for.
type Change struct {
	DryRun bool   // only say what would be done
	Key    string // idempotency key; a random one if empty
}

// Started is the answer to a request for an operation: the operation, or with DryRun its plan.
type Started struct {
	Operation operation.Operation
	Plan      *operation.Plan
	Replayed  bool // an earlier request with the same key had started it
}

// Changed is the answer to a change that is done at once: the thing as it is now, or with DryRun the plan.
type Changed[T any] struct {
	Value T
	Plan  *operation.Plan
}

// Page chooses a part of a list.
type Page struct {
	Cursor string
	Limit  int
}

// list is how the API wraps lists.
type list[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"`
}

// request is one call of the API.
type request struct {
	method string
	path   string // below /api/v1, escaped
	query  url.Values
	body   any    // sent as JSON, unless nil
	key    string // Idempotency-Key
	repeat bool   // asking twice does no harm
}

// get reads one thing.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	var found T
	_, err := c.do(ctx, request{method: http.MethodGet, path: path, query: query, repeat: true}, &found)
	return found, err
}

// start asks for an operation.
func (c *Client) start(ctx context.Context, method, path string, body any, change Change) (Started, error) {
	return c.startAs(ctx, request{method: method, path: path, body: body}, change)
}

func (c *Client) startAs(ctx context.Context, asked request, change Change) (Started, error) {
	asked.key, asked.repeat, asked.query = change.Key, true, merged(asked.query, dryRun(change))
	if asked.key == "" {
		asked.key = rand.Text()
	}
	var raw json.RawMessage
	answer, err := c.do(ctx, asked, &raw)
	if err != nil {
		return Started{}, err
	}
	if change.DryRun {
		plan, err := decode[operation.Plan](raw)
		return Started{Plan: &plan}, err
	}
	accepted, err := decode[operation.Operation](raw)
	return Started{Operation: accepted, Replayed: answer.Header.Get("Idempotency-Replayed") == "true"}, err
}

// change asks for something that is done at once. A body that is missing leaves the value zero.
func change[T any](ctx context.Context, c *Client, asked request, how Change) (Changed[T], error) {
	asked.query, asked.key = merged(asked.query, dryRun(how)), how.Key
	var raw json.RawMessage
	if _, err := c.do(ctx, asked, &raw); err != nil {
		return Changed[T]{}, err
	}
	if how.DryRun {
		plan, err := decode[operation.Plan](raw)
		return Changed[T]{Plan: &plan}, err
	}
	if len(raw) == 0 {
		return Changed[T]{}, nil
	}
	value, err := decode[T](raw)
	return Changed[T]{Value: value}, err
}

func dryRun(change Change) url.Values {
	if change.DryRun {
		return url.Values{"dry_run": {"true"}}
	}
	return nil
}

func merged(a, b url.Values) url.Values {
	sum := url.Values{}
	for _, each := range []url.Values{a, b} {
		for name, values := range each {
			sum[name] = values
		}
	}
	return sum
}

func decode[T any](raw json.RawMessage) (T, error) {
	var value T
	if err := json.Unmarshal(raw, &value); err != nil {
		return value, notOurs(err)
	}
	return value, nil
}

func notOurs(cause error) error {
	return fault.Unavailable("the answer is not one of a NovaCron server; check the URL").Because(cause)
}

// do sends the request, again where that is safe and may help, and decodes the answer into out.
func (c *Client) do(ctx context.Context, asked request, out any) (*http.Response, error) {
	var payload []byte
	if asked.body != nil {
		encoded, err := json.Marshal(asked.body)
		if err != nil {
			return nil, fault.Internal("the request could not be written").Because(err)
		}
		payload = encoded
	}
	for attempt := 1; ; attempt++ {
		answer, err := c.once(ctx, asked, payload, out)
		wait, again := c.mayRepeat(asked, answer, err, attempt)
		if !again {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, err
		case <-time.After(wait):
		}
	}
}

func (c *Client) once(ctx context.Context, asked request, payload []byte, out any) (*http.Response, error) {
	var body io.Reader
	if payload != nil {
		body = bytes.NewReader(payload)
	}
	outgoing, err := c.prepare(ctx, asked, body)
	if err != nil {
		return nil, err
	}
	if payload != nil {
		outgoing.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(outgoing)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	defer answer.Body.Close()
	return answer, c.read(answer, out)
}

func (c *Client) prepare(ctx context.Context, asked request, body io.Reader) (*http.Request, error) {
	outgoing, err := http.NewRequestWithContext(ctx, asked.method, c.address(asked.path, asked.query), body)
	if err != nil {
		return nil, fault.Invalid("the request makes no valid URL").Because(err)
	}
	for name, values := range c.headers() {
		outgoing.Header[name] = values
	}
	if asked.key != "" {
		outgoing.Header.Set("Idempotency-Key", asked.key)
	}
	return outgoing, nil
}

func (c *Client) address(path string, query url.Values) string {
	address := c.base.String() + basePath + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address
}

func (c *Client) headers() http.Header {
	headers := http.Header{"Accept": {"application/json"}}
	if c.config.Token != "" {
		headers.Set("Authorization", "Bearer "+c.config.Token)
	}
	if c.config.Project != "" {
		headers.Set("X-Novacron-Project", c.config.Project)
	}
	if c.config.Agent != "" {
		headers.Set("User-Agent", c.config.Agent)
	}
	return headers
}

// maxAnswerBytes bounds what is read of an answer; a page of the largest nouns stays far below.
const maxAnswerBytes = 64 << 20

func (c *Client) read(answer *http.Response, out any) error {
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswerBytes))
	if err != nil {
		return fault.Unavailable("the answer of %s broke off; try again", c.base.Host).Because(err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return refusal(answer, content)
	}
	if out == nil || len(content) == 0 {
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return notOurs(err)
	}
	return nil
}

// unreachable explains a request that got no answer.
func (c *Client) unreachable(ctx context.Context, cause error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fault.Unavailable("the request was given up").Because(ctx.Err())
	}
	return fault.Unavailable("the server at %s does not answer; see whether it is up and the URL is right", c.base.String()).Because(cause)
}
