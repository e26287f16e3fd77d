import type { ReactNode } from "react";
import { bytes, capitalised, duration, rate } from "@/ui/format";
import { exactTime } from "@/ui/When";
import { Reference } from "./Reference";

// wordOf turns a JSON name into words: "memory_bytes" -> "Memory".
export function wordOf(name: string): string {
  const bare = name.replace(/(?!^)_(bytes_per_second|bytes|ns|ms|seconds|id|ids)$/, "").replaceAll("_", " ");
  const words = bare.replace(/\bvm\b/g, "VM").replace(/\bcpus?\b/g, (cpu) => cpu.replace("cpu", "CPU")).replace(/\b(ip|mac|id)\b/g, (word) => word.toUpperCase()).replace(/\bsha256\b/, "SHA-256");
  return capitalised(words);
}

const isID = /^(prj|usr|tok|hst|pol|net|img|tpl|tpv|vm|vol|bkp|snp|sch|op)_[0-9A-Z]{26}$/;
const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

function textOf(name: string, value: string | number | boolean): ReactNode {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") {
    if (name.endsWith("bytes_per_second")) return rate(value);
    if (name.endsWith("bytes")) return bytes(value);
    if (name.endsWith("_ns")) return duration(value / 1e6);
    if (name.endsWith("_ms")) return duration(value);
    if (name.endsWith("_seconds")) return duration(value * 1_000);
    return value.toLocaleString("en");
  }
  if (isID.test(value)) return <Reference id={value} />;
  if (isTime.test(value)) return exactTime(value);
  return value;
}

// inner makes a word fit for the middle of a name; abbreviations stay.
const inner = (word: string): string => (/^[A-Z]{2}/.test(word) ? word : word.charAt(0).toLowerCase() + word.slice(1));

// rowsOf lays JSON out as names and values; what is nested gets the outer name before its own.
export function rowsOf(json: unknown, outer = "", name = ""): [name: string, value: ReactNode][] {
  if (json === null || json === undefined || json === "") return [];
  if (Array.isArray(json)) {
    if (json.length === 0) return [];
    if (json.every((item) => typeof item !== "object")) {
      const items = json.map((item, index) => <div key={index}>{textOf(name, item as string)}</div>);
      return [[outer || "Values", items]];
    }
    return json.flatMap((item, index) => rowsOf(item, `${outer} ${index + 1}`.trim(), name));
  }
  if (typeof json === "object") {
    return Object.entries(json).flatMap(([key, value]) =>
      rowsOf(value, outer ? `${outer}: ${inner(wordOf(key))}` : wordOf(key), key),
    );
  }
  return [[outer || "Value", textOf(name, json as string)]];
}

// parsed reads the JSON text of a step's input or result; text that is none stays text.
export function parsed(text: string | undefined): unknown {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
