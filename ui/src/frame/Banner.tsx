import { useEffect, useState } from "react";
import { useLive } from "@/live/Live";
import { Button } from "@/ui/Button";

const patience = 1_500; // ms: a cut shorter than this is not worth anyone's attention

// Banner says that the page is not live at the moment. What is shown stays; nothing is lost, it only comes later.
export function Banner() {
  const { connection, again } = useLive();
  const lost = connection === "lost";
  const [shown, setShown] = useState(false);
  useEffect(() => {
    if (!lost) {
      setShown(false);
      return undefined;
    }
    const timer = setTimeout(() => setShown(true), patience);
    return () => clearTimeout(timer);
  }, [lost]);
  return (
    <div role="status" aria-live="polite">
      {shown && (
        <div className="flex items-center gap-3 border-b border-attention/40 bg-attention-soft px-4 py-1.5 text-sm text-attention">
          <span className="flex-1">
            The connection is lost. What you see may be out of date; it catches up by itself when the server is back.
          </span>
          <Button onClick={again}>Try now</Button>
        </div>
      )}
    </div>
  );
}
