import { useMutation } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { messageOf } from "@/api/problem";
import { login } from "@/api/session";
import { Button } from "@/ui/Button";
import { TextField } from "@/ui/Field";
import { Notice } from "@/ui/Notice";

// inside keeps the way back within this site.
export const inside = (next: string | null): string => (next && /^\/(?![/\\])/.test(next) ? next : "/");

export function Page() {
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const [name, setName] = useState("admin");
  const [password, setPassword] = useState("");
  useEffect(() => {
    document.title = "Sign in · NovaCron";
  }, []);
  const enter = useMutation({
    mutationFn: () => login(name, password),
    onSuccess: () => void navigate(inside(search.get("next")), { replace: true }),
  });
  return (
    <main className="flex min-h-dvh items-center justify-center bg-sunken p-4">
      <form
        className="w-80 space-y-4 rounded-md border border-line bg-canvas p-6"
        onSubmit={(event) => {
          event.preventDefault();
          enter.mutate();
        }}
      >
        <h1 className="flex items-center gap-2 text-lg font-semibold">
          <img src="/favicon.svg" alt="" className="size-6" /> NovaCron
        </h1>
        {search.has("next") && !enter.error && <p className="text-sm text-muted">Sign in to go on where you were.</p>}
        <TextField label="User" name="username" autoComplete="username" value={name} onChange={(event) => setName(event.target.value)} />
        <TextField
          label="Password"
          name="password"
          type="password"
          autoFocus
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        {enter.error && (
          <Notice tone="failed">{messageOf(enter.error)}</Notice>
        )}
        <div className="[&>button]:w-full">
          <Button kind="primary" type="submit" why={name && password ? undefined : "Enter a user and a password."} disabled={enter.isPending}>
            {enter.isPending ? "Signing in…" : "Sign in"}
          </Button>
        </div>
      </form>
    </main>
  );
}
