// What the mock is told from outside: ?mock={"seed":"large"} in the address, kept for the browser tab.
export interface MockConfig {
  seed: "default" | "empty" | "thousand" | "large";
  speed: number; // how many times faster than in life operations go
  signedIn: boolean;
  delay: number; // ms before each answer
  broken: boolean; // every read fails
}

const standard: MockConfig = { seed: "default", speed: 1, signedIn: true, delay: 0, broken: false };
const key = "novacron.mock";

export function readConfig(): MockConfig {
  const given = new URLSearchParams(window.location.search).get("mock");
  const text = given ?? sessionStorage.getItem(key);
  const config = { ...standard, ...(text ? (JSON.parse(text) as Partial<MockConfig>) : {}) };
  writeConfig(config);
  return config;
}

export function writeConfig(config: MockConfig): void {
  sessionStorage.setItem(key, JSON.stringify(config));
}

export const standardConfig = (): MockConfig => ({ ...standard });
