import { useRouteError } from "react-router";
import { messageOf } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Notice } from "@/ui/Notice";
import { Page } from "@/ui/Page";

// Broken stands in for a page that could not be shown; the frame around it stays.
export function Broken() {
  const error = useRouteError();
  return (
    <Page title="This page could not be shown">
      <div className="max-w-2xl px-4">
        <Notice tone="failed" action={<Button onClick={() => window.location.reload()}>Load it again</Button>}>
          {messageOf(error)}
        </Notice>
      </div>
    </Page>
  );
}
