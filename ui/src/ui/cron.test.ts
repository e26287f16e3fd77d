import { expect, it } from "vitest";
import { spoken } from "./cron";

it("says common rhythms in words", () => {
  expect(spoken("0 2 * * *")).toBe("daily at 02:00");
  expect(spoken("30 4 * * 0")).toBe("Sundays at 04:30");
  expect(spoken("30 4 * * 7")).toBe("Sundays at 04:30");
  expect(spoken("5 * * * *")).toBe("hourly at :05");
  expect(spoken("0 3 1 * *")).toBe("on day 1 of the month at 03:00");
});

it("leaves the others as they are", () => {
  for (const cron of ["*/5 * * * *", "0 2 * 6 *", "0 2-4 * * *", "0 2 * * 1-5", "0 0 2 * * *", "@daily", "", "61 2 * * *", "0 2 1 * 1", "5 * 1 * *"]) {
    expect(spoken(cron), cron).toBeUndefined();
  }
});
