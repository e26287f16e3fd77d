import RFB from "@novnc/novnc";
import { useCallback, useEffect, useRef, useState } from "react";
import { socketAddress } from "@/api/client";
import type { VM } from "@/api/nouns";
import { Button } from "@/ui/Button";

type Link = "connecting" | "connected" | "lost";

const again = 2_000; // ms
const words: Record<Link, string> = {
  connecting: "Connecting…",
  connected: "Connected",
  lost: "The connection is lost; trying again…",
};

// Screen is a VM's console: RFB over a WebSocket of the API. It comes back by itself, also after a migration.
export default function Screen({ vm }: { vm: VM }) {
  const frame = useRef<HTMLDivElement>(null);
  const session = useRef<RFB>(undefined);
  const [link, setLink] = useState<Link>("connecting");
  const [round, setRound] = useState(0);

  useEffect(() => {
    const rfb = new RFB(frame.current!, socketAddress(`/vms/${vm.id}/console`), { shared: true });
    rfb.scaleViewport = true;
    rfb.background = "transparent";
    session.current = rfb;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const connected = () => {
      setLink("connected");
      rfb.focus();
    };
    const gone = () => {
      setLink("lost");
      timer = setTimeout(() => setRound((old) => old + 1), again);
    };
    rfb.addEventListener("connect", connected);
    rfb.addEventListener("disconnect", gone);
    return () => {
      clearTimeout(timer);
      rfb.removeEventListener("disconnect", gone);
      rfb.removeEventListener("connect", connected);
      rfb.disconnect();
    };
  }, [vm.id, round]);

  const paste = useCallback(() => {
    void navigator.clipboard?.readText().then((text) => session.current?.clipboardPasteFrom(text));
  }, []);

  return (
    <div className="flex flex-col gap-2 p-4" style={{ height: "calc(100dvh - 9rem)", minHeight: "20rem" }}>
      <div className="flex flex-wrap items-center gap-2">
        <p role="status" className="mr-auto text-sm text-muted">
          {words[link]}
        </p>
        <Button onClick={() => session.current?.sendCtrlAltDel()} disabled={link !== "connected"}>
          Send Ctrl Alt Del
        </Button>
        {Boolean(navigator.clipboard) && (
          <Button onClick={paste} disabled={link !== "connected"}>
            Paste
          </Button>
        )}
        <Button onClick={() => void frame.current?.requestFullscreen()}>Full screen</Button>
      </div>
      <div ref={frame} data-keys aria-label={`Screen of ${vm.name}`} role="application" className="min-h-0 flex-1 overflow-hidden rounded border border-line bg-black" />
    </div>
  );
}
