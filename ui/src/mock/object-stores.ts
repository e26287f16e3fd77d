import type { ObjectStore } from "@/api/nouns";

// The mock's images are in Swift, which answers, and its backups in a container that its user may not enter.
export const objectStores: ObjectStore[] = [
  { holds: "images", driver: "swift", place: "container images of Swift at swift.example.org, as novacron:server", available: true },
  {
    holds: "backups",
    driver: "swift",
    place: "container backups of Swift at swift.example.org, as novacron:server",
    available: false,
    detail: 'Swift refuses user "novacron:server" access to container "backups": correct the credentials or what they may do',
  },
];
