const days = ["Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays"];

const within = (text: string, most: number): number | undefined => (/^\d{1,2}$/.test(text) && Number(text) <= most ? Number(text) : undefined);
const two = (value: number): string => String(value).padStart(2, "0");

// spoken says the common cron expressions in words ("daily at 02:00"); it is undefined for others.
export function spoken(cron: string): string | undefined {
  const [minute = "", hour = "", day, month, weekday = "", more] = cron.trim().split(/\s+/);
  const at = within(minute, 59);
  if (at === undefined || month !== "*" || more !== undefined) return undefined;
  if (hour === "*") return day === "*" && weekday === "*" ? `hourly at :${two(at)}` : undefined;
  const clock = within(hour, 23);
  if (clock === undefined) return undefined;
  const time = `${two(clock)}:${two(at)}`;
  if (day === "*" && weekday === "*") return `daily at ${time}`;
  const one = within(weekday, 7);
  if (day === "*" && one !== undefined) return `${days[one % 7]} at ${time}`;
  const date = within(day ?? "", 31);
  return weekday === "*" && date ? `on day ${date} of the month at ${time}` : undefined;
}
