// Numbers, sizes, times and IDs as the interface writes them.

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

// bytes writes an amount with three significant digits: 1.50 GiB, 512 MiB.
export function bytes(amount: number | undefined): string {
  if (amount === undefined || !Number.isFinite(amount)) return "–";
  let value = Math.abs(amount);
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const whole = unit === 0 || Number.isInteger(value) || value >= 100;
  const text = whole ? Math.round(value).toString() : value.toPrecision(3);
  return `${amount < 0 ? "−" : ""}${text} ${units[unit]}`;
}

export const rate = (perSecond: number | undefined): string => (perSecond === undefined ? "–" : `${bytes(perSecond)}/s`);

// limitsOf says a disk's limits in words: "500 IOPS, 50 MiB/s", nothing if there are none.
export const limitsOf = ({ iops, bytes_per_second }: { iops?: number; bytes_per_second?: number } = {}): string =>
  [iops && `${iops.toLocaleString("en")} IOPS`, bytes_per_second && rate(bytes_per_second)].filter(Boolean).join(", ");

export const percent = (fraction: number | undefined): string =>
  fraction === undefined || !Number.isFinite(fraction) ? "–" : `${Math.round(fraction * 100)}%`;

// duration writes milliseconds in the two largest units that matter.
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// relative writes how long ago, or in how long: "2 min ago", "in 3 h".
export function relative(at: number, now: number): string {
  const ahead = at > now;
  const seconds = Math.abs(now - at) / 1_000;
  if (seconds < 5) return ahead ? "now" : "just now";
  const steps: [number, string][] = [
    [60, "s"],
    [60, "min"],
    [24, "h"],
    [30, "d"],
    [12, "mo"],
    [Infinity, "y"],
  ];
  let value = seconds;
  for (const [size, name] of steps) {
    if (value < size) {
      const text = `${Math.floor(value)} ${name}`;
      return ahead ? `in ${text}` : `${text} ago`;
    }
    value /= size;
  }
  return "";
}

// shortID keeps the kind and the last characters of an ID, which differ most.
export function shortID(id: string): string {
  const cut = id.indexOf("_");
  if (cut < 0 || id.length <= 14) return id;
  return `${id.slice(0, cut)}_…${id.slice(-6)}`;
}

// shortened shortens each ID in a text, for where they only take room.
export const shortened = (text: string): string => text.replace(/\b[a-z]{2,3}_[0-9A-Z]{26}\b/g, shortID);

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

const scales: Record<string, number> = { "": 1, B: 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

// parseSize reads "512 MiB", "1.5G" or, with a default unit, "512"; undefined if it is none.
export function parseSize(text: string, unit: "M" | "G" = "M"): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*$/i.exec(text);
  if (!match) return undefined;
  const scale = scales[(match[2] || unit).toUpperCase()];
  return scale === undefined ? undefined : Math.round(Number(match[1]) * scale);
}

// capitalised makes the first letter upper case.
export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
