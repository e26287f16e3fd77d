// The difference between the server's clock and this one, so that bars that grow end at the server's now.
let skew = 0;
const tolerated = 2_000; // ms: the Date header has whole seconds only

export function noteServerTime(header: string | null): void {
  const at = header ? Date.parse(header) : NaN;
  if (Number.isNaN(at)) return;
  const difference = at + 500 - Date.now();
  skew = Math.abs(difference) > tolerated ? difference : 0;
}

export const serverNow = (local: number = Date.now()): number => local + skew;
