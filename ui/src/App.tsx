import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "react-router";
import { whenSignedOut } from "./api/client";
import { statusOf } from "./api/problem";
import { router } from "./routes";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      refetchOnWindowFocus: false, // events keep the caches true
      retry: (count, error) => (statusOf(error) === 0 || statusOf(error) >= 500) && count < 3,
    },
  },
});

whenSignedOut(() => {
  const { pathname, search } = router.state.location;
  if (pathname === "/login") return;
  client.clear();
  void router.navigate(`/login?next=${encodeURIComponent(pathname + search)}`);
});

export function App() {
  return (
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  );
}
