package api

import (
	"context"
	"net/http"
	"reflect"
	"regexp"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"github.com/novacron/novacron/internal/monitor"
)

const basePath = "/api/v1"

// access says who may use a route. Every route states it.
type access string

const (
	anyone        access = "anyone"        // no token needed
	user          access = "user"          // a user's token, in a project it reaches
	administrator access = "administrator" // an administrator's token that is not bound to a project
	machine       access = "machine"       // a host's own token
	either        access = "either"        // a user's or a host's
)

// route is what tests check of each route.
type route struct {
	method, path string
	access       access
}

// assemble puts the middleware and every route together.
func (s *Server) assemble() {
	gin.SetMode(gin.ReleaseMode)
	s.engine = gin.New()
	s.engine.HandleMethodNotAllowed = true
	s.engine.RedirectTrailingSlash = false
	s.engine.RedirectFixedPath = false
	s.engine.ContextWithFallback = true
	_ = s.engine.SetTrustedProxies(nil)
	s.engine.Use(s.observe, s.recover, secure, s.refuseForeign, compress)
	s.engine.NoRoute(s.noRoute())
	s.engine.NoMethod(s.noMethod)

	s.engine.GET("/metrics", gin.WrapH(s.metrics.Handler()))
	s.engine.GET("/healthz", gin.WrapH(monitor.Live(s.config.Version)))
	s.engine.GET("/readyz", gin.WrapH(monitor.Ready(
		monitor.Check{Name: "database", Probe: s.store.Ping},
		monitor.Check{Name: "temporal", Probe: s.workflows.Ready},
	)))

	s.huma = humagin.NewWithGroup(s.engine, s.engine.Group(basePath), document(s.config.Version))
	for _, resource := range []func(){
		s.loginRoutes, s.tokenRoutes, s.projectRoutes, s.overviewRoutes,
		s.vmRoutes, s.vmChangeRoutes, s.diskRoutes, s.attachRoutes, s.snapshotRoutes, s.cloudInitRoutes, s.cloneRoutes, s.consoleRoutes, s.operationRoutes, s.eventRoutes,
		s.hostRoutes, s.enrolmentRoutes, s.hostReportRoutes,
		s.imageRoutes, s.imageByteRoutes, s.imageUploadRoutes, s.imagePeerRoutes, s.templateRoutes,
		s.objectStoreRoutes, s.poolRoutes, s.volumeRoutes, s.strayRoutes, s.networkRoutes,
		s.backupRoutes, s.restoreRoutes, s.scheduleRoutes, s.capacityRoutes,
	} {
		resource()
	}
}

// document is the frame of the OpenAPI document; the routes fill it in.
func document(version string) huma.Config {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "NovaCron", Version: version,
				Description: "Virtual machines on your own hosts. Long work is an operation: the answer is 202 and the operation, whose " +
					"timeline shows every step. Errors are problem documents (RFC 9457) whose detail says what was wrong and what to do.",
			},
			Servers:    []*huma.Server{{URL: basePath}},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName)},
		},
		OpenAPIPath: "/openapi", Formats: map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat: "application/json", RejectUnknownQueryParameters: true,
	}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "A token of a user (nct_…) or of a host (nch_…)"},
		"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "Set by POST /login"},
	}
	return config
}

// add registers a route with huma: who may use it, what it takes and answers, and what it does.
func add[I, O any](s *Server, who access, operation huma.Operation, handle func(context.Context, *I) (*O, error)) {
	s.describe(who, &operation)
	operation.Middlewares = append(huma.Middlewares{s.admit(who), s.timeBody}, operation.Middlewares...)
	operation.BodyReadTimeout = -1 // timeBody does it
	huma.Register(s.huma, operation, func(ctx context.Context, input *I) (*O, error) {
		output, err := handle(ctx, input)
		if err != nil {
			return nil, s.explain(ctx, err)
		}
		return output, nil
	})
	if nothing, ok := operation.Responses["204"]; ok {
		nothing.Content = nil // huma documents a body for every route that may answer one
	}
}

func (s *Server) timeBody(ctx huma.Context, next func(huma.Context)) {
	if c := humagin.Unwrap(ctx); c.Request.ContentLength != 0 {
		c.Request.Body = timed(c, s.patience.body, false)
	}
	next(ctx)
}

var inPath = regexp.MustCompile(`\{(\w+)\}`)

// addRaw registers a route whose bodies are streams or sockets, which huma does not read or write. It is documented all
// the same.
func (s *Server) addRaw(who access, operation huma.Operation, handle func(c *gin.Context) error) {
	s.describe(who, &operation)
	for _, each := range inPath.FindAllStringSubmatch(operation.Path, -1) {
		operation.Parameters = append(operation.Parameters, &huma.Param{
			Name: each[1], In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
		})
	}
	s.huma.OpenAPI().AddOperation(&operation)
	run := s.admit(who)
	s.huma.Adapter().Handle(&operation, func(ctx huma.Context) {
		run(ctx, func(ctx huma.Context) {
			c := humagin.Unwrap(ctx)
			c.Request = c.Request.WithContext(ctx.Context())
			if err := handle(c); err != nil && !c.Writer.Written() {
				s.refuse(c, err)
			}
		})
	})
}

func (s *Server) describe(who access, operation *huma.Operation) {
	s.routes = append(s.routes, route{method: operation.Method, path: operation.Path, access: who})
	if operation.Responses == nil {
		operation.Responses = map[string]*huma.Response{}
	}
	operation.Responses["default"] = s.problemResponse()
	switch who {
	case anyone:
	case machine:
		operation.Security = []map[string][]string{{"token": {}}}
	default:
		operation.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	}
}

func (s *Server) problemResponse() *huma.Response {
	return &huma.Response{
		Description: "What was wrong and what to do",
		Content:     map[string]*huma.MediaType{problemType: {Schema: s.schemaOf(reflect.TypeFor[Problem]())}},
	}
}

func (s *Server) schemaOf(of reflect.Type) *huma.Schema {
	return s.huma.OpenAPI().Components.Schemas.Schema(of, true, of.Name())
}

func (s *Server) noMethod(c *gin.Context) {
	s.refuse(c, newProblem(http.StatusMethodNotAllowed, c.Request.Method+" is not possible here; the Allow header names what is"))
}
