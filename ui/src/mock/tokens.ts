import { http } from "msw";
import type { RequestHandler } from "msw";
import type { NewToken, Token } from "@/api/tokens";
import { answer, Refusal } from "./answers";
import type { Database } from "./database";
import { root } from "./handlers";

const hour = 3_600_000;

export function tokenHandlers(database: () => Database): RequestHandler[] {
  let tokens: Token[] = ["login", "pipeline"].map((name, index) => ({
    id: `tok_01M5NJJAYJMX3GMWYTKYYHT0G${index}`,
    user_id: "usr_1",
    name,
    session: name === "login",
    expires_at: new Date(Date.now() + (index + 1) * 11 * hour).toISOString(),
    last_used_at: index ? undefined : new Date().toISOString(),
    created_at: new Date(Date.now() - hour).toISOString(),
  }));
  return [
    http.get(`${root}/tokens`, answer(database, () => ({ items: tokens }))),
    http.post(`${root}/tokens`, answer(database, async ({ request }) => {
      const { name } = (await request.json()) as { name: string };
      if (name.length > 100) throw new Refusal(422, "must have at most 100 characters", "name");
      const token: NewToken = { id: database().mint("tok"), user_id: "usr_1", name, session: false, created_at: database().now(), token: "nct_mock" };
      tokens = [token, ...tokens];
      return token;
    })),
    http.delete(`${root}/tokens/:token`, answer(database, ({ params }) => {
      tokens = tokens.filter((token) => token.id !== params.token);
      return undefined;
    })),
  ];
}
