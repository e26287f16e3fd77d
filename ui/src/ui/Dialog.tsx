import { X } from "lucide-react";
import { useEffect, useId, useRef } from "react";
import type { ReactNode } from "react";
import { Button } from "./Button";

interface Props {
  title: string;
  close: () => void;
  children: ReactNode;
  wide?: boolean;
  side?: boolean; // a drawer at the right edge
}

// Dialog is modal: the browser keeps the focus inside, Escape closes it, and the focus returns to where it was.
export function Dialog({ title, close, children, wide, side }: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = element.current!;
    const before = document.activeElement as HTMLElement | null;
    dialog.showModal();
    // The browser gives the focus to the first button, and autoFocus came before the dialog was shown.
    dialog.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => {
      dialog.close();
      before?.focus();
    };
  }, []);
  const place = side
    ? "mr-0 ml-auto h-dvh max-h-dvh w-[26rem] border-y-0 border-r-0"
    : `m-auto max-h-[calc(100dvh-2rem)] rounded-md ${wide ? "w-[52rem]" : "w-[34rem]"}`;
  return (
    <dialog
      ref={element}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onMouseDown={(event) => {
        if (event.target === element.current) close();
      }}
      className={`max-w-[calc(100vw-1rem)] border border-line-strong bg-canvas p-0 backdrop:bg-black/40 ${place}`}
    >
      <div className="flex max-h-[inherit] flex-col">
        <header className="flex items-center justify-between gap-2 border-b border-line py-2 pr-2 pl-4">
          <h2 id={heading} className="text-base font-semibold">
            {title}
          </h2>
          <Button kind="ghost" square aria-label="Close" onClick={close}>
            <X className="size-4" />
          </Button>
        </header>
        <div className="min-h-0 flex-1 overflow-y-auto p-4">{children}</div>
      </div>
    </dialog>
  );
}

// Buttons is the row at a dialog's end.
export function Buttons({ children }: { children: ReactNode }) {
  return <div className="mt-4 flex flex-wrap items-center justify-end gap-2">{children}</div>;
}
