import { get } from "@/api/client";
import type { Event, Page } from "@/api/nouns";

// currentSequence is where the event stream stands now: the newest of the recent events.
export async function currentSequence(): Promise<number> {
  const page = await get<Page<Event> | Event[]>("/events", { limit: 1 });
  const items = Array.isArray(page) ? page : (page.items ?? []);
  return items.reduce((newest, event) => Math.max(newest, event.sequence), 0);
}
