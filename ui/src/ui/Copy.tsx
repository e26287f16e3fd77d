import { Check, Copy as CopyIcon } from "lucide-react";
import { useState } from "react";
import { Button } from "./Button";
import { shortID } from "./format";
import { Tooltip } from "./Tooltip";

// copyText works without a secure context too, where there is no navigator.clipboard.
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function useCopied(text: string): [boolean, () => void] {
  const [copied, setCopied] = useState(false);
  const copy = () =>
    void copyText(text).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 1_500);
    });
  return [copied, copy];
}

// ID shows an identifier short, copies it whole.
export function ID({ id }: { id: string }) {
  const [copied, copy] = useCopied(id);
  return (
    <Tooltip text={copied ? "Copied" : `Copy ${id}`}>
      <button
        type="button"
        onClick={(event) => {
          event.stopPropagation();
          copy();
        }}
        className="group inline-flex items-center gap-1 rounded font-mono text-xs text-muted hover:text-ink"
      >
        <span className="sr-only">Copy </span>
        {shortID(id)}
        {copied ? <Check className="size-3 text-ok" /> : <CopyIcon className="size-3 opacity-0 group-hover:opacity-100 group-focus:opacity-100" />}
      </button>
    </Tooltip>
  );
}

// Command shows a line for a terminal, with a button that copies it.
export function Command({ text, label = "Copy the command" }: { text: string; label?: string }) {
  const [copied, copy] = useCopied(text);
  return (
    <div className="flex items-start gap-1 rounded border border-line bg-sunken pl-2.5">
      <code className="min-w-0 flex-1 py-1.5 font-mono text-xs leading-5 break-all whitespace-pre-wrap">{text}</code>
      <Button kind="ghost" square aria-label={copied ? "Copied" : label} onClick={copy}>
        {copied ? <Check className="size-3.5 text-ok" /> : <CopyIcon className="size-3.5" />}
      </Button>
    </div>
  );
}
