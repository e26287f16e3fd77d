import { parseProblem } from "./problem";
import { selectedProject } from "./project";
import { noteServerTime } from "./skew";

export const base = "/api/v1";

export type Query = Record<string, string | number | boolean | undefined>;

export interface Call {
  query?: Query;
  body?: unknown;
  ifMatch?: number; // a noun's generation
  idempotencyKey?: string;
  signal?: AbortSignal;
}

let onSignedOut: () => void = () => undefined;

// whenSignedOut sets what happens when the session has ended (an answer of 401 to anything but a login).
export function whenSignedOut(act: () => void): void {
  onSignedOut = act;
}

export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return base + path + (text ? `?${text}` : "");
}

// socketAddress is for WebSockets, which cannot carry headers: the project goes into the query.
export function socketAddress(path: string): string {
  const project = selectedProject();
  const url = new URL(address(path, { project }), window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.toString();
}

export function headers(call: Call = {}): Record<string, string> {
  const result: Record<string, string> = { Accept: "application/json" };
  const project = selectedProject();
  if (project) result["X-Novacron-Project"] = project;
  if (call.ifMatch !== undefined) result["If-Match"] = `"${call.ifMatch}"`;
  if (call.idempotencyKey) result["Idempotency-Key"] = call.idempotencyKey;
  return result;
}

// request calls the API. It throws Problem for what the API refuses, TypeError when it cannot be reached.
export async function request<T>(method: string, path: string, call: Call = {}): Promise<T> {
  const init: RequestInit = { method, headers: headers(call), credentials: "same-origin", signal: call.signal };
  if (call.body !== undefined) {
    init.body = JSON.stringify(call.body);
    (init.headers as Record<string, string>)["Content-Type"] = "application/json";
  }
  const response = await fetch(address(path, call.query), init);
  noteServerTime(response.headers.get("Date"));
  const text = await response.text();
  if (!response.ok) {
    if (response.status === 401 && path !== "/login") onSignedOut();
    throw parseProblem(response.status, text);
  }
  return (text ? JSON.parse(text) : undefined) as T;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  request<T>("GET", path, { query, signal });

// upload streams a file as the request's body and reports how much of it has gone.
export function upload<T>(path: string, file: Blob, report: (sent: number) => void, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open("POST", base + path);
    for (const [name, value] of Object.entries(headers())) call.setRequestHeader(name, value);
    call.setRequestHeader("Content-Type", "application/octet-stream");
    call.upload.onprogress = (event) => report(event.loaded);
    call.onload = () => {
      if (call.status >= 200 && call.status < 300) resolve(JSON.parse(call.responseText) as T);
      else reject(parseProblem(call.status, call.responseText));
    };
    call.onerror = () => reject(new TypeError("unreachable"));
    signal.addEventListener("abort", () => {
      call.abort();
      reject(new DOMException("The upload was stopped.", "AbortError"));
    });
    call.send(file);
  });
}
