// Problem is a refusal or failure as the API's problem+json tells it: one sentence, and the fields it is about.
export class Problem extends Error {
  readonly status: number;
  readonly fields: Record<string, string>;

  constructor(status: number, message: string, fields: Record<string, string> = {}) {
    super(message);
    this.name = "Problem";
    this.status = status;
    this.fields = fields;
  }
}

interface ProblemDocument {
  title?: string;
  detail?: string;
  field?: string;
  errors?: { message?: string; location?: string }[] | null;
}

// fieldOf turns huma's location ("body.limits.max_downtime_ms") into the request's field.
function fieldOf(location: string): string {
  return location.replace(/^(body|query|path|header)\.?/, "");
}

export function parseProblem(status: number, text: string): Problem {
  let document: ProblemDocument = {};
  try {
    document = JSON.parse(text) as ProblemDocument;
  } catch {
    return new Problem(status, `The server answered ${status} without saying why. Its log has the cause.`);
  }
  const fields: Record<string, string> = {};
  for (const error of document.errors ?? []) {
    const field = fieldOf(error.location ?? "");
    if (field && error.message) fields[field] = error.message;
  }
  const detail = document.detail || document.title || `The server answered ${status}.`;
  if (document.field && !fields[document.field]) fields[document.field] = detail;
  const explained = Object.entries(fields).map(([field, message]) => `${field}: ${message}`);
  const vague = /^validation failed$/i.test(detail) && explained.length > 0;
  return new Problem(status, vague ? explained.join("; ") : detail, fields);
}

// messageOf is what a person reads of any error.
export function messageOf(error: unknown): string {
  if (error instanceof Problem) return error.message;
  if (error instanceof TypeError) return "The server cannot be reached. It is tried again by itself.";
  return error instanceof Error ? error.message : String(error);
}

export function statusOf(error: unknown): number {
  return error instanceof Problem ? error.status : 0;
}
