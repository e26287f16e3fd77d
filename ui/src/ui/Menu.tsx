import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";
import { createPortal } from "react-dom";
import { Button } from "./Button";

export interface MenuItem {
  label: string;
  act: () => void;
  why?: string; // why it is not allowed now
  danger?: boolean;
  checked?: boolean;
}

export type MenuItems = (MenuItem | "line")[];

interface Props {
  label: string;
  icon: ReactNode;
  items: MenuItems | (() => MenuItems); // a function is called when the menu opens
  kind?: "plain" | "ghost";
  text?: string;
}

// Menu is a button with a list of actions. Arrow keys move, letters jump, Escape closes; refused ones say why.
export function Menu({ label, icon, items, kind = "ghost", text }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const close = (refocus = true) => {
    setOpen(false);
    if (refocus) button.current?.focus();
  };
  return (
    <>
      <Button
        ref={button}
        kind={kind}
        square={!text}
        aria-label={text ? undefined : label}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={(event) => {
          event.stopPropagation();
          setOpen(!open);
        }}
      >
        {icon}
        {text}
      </Button>
      {open && <List label={label} items={typeof items === "function" ? items() : items} anchor={button.current!} close={close} />}
    </>
  );
}

interface ListProps {
  label: string;
  items: MenuItems;
  anchor: HTMLElement;
  close: (refocus?: boolean) => void;
}

function List({ label, items, anchor, close }: ListProps) {
  const list = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ left: 0, top: 0 });

  useLayoutEffect(() => {
    const at = anchor.getBoundingClientRect();
    const size = list.current!.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.right - size.width, window.innerWidth - size.width - 8));
    const below = at.bottom + 4;
    const fits = below + size.height < window.innerHeight - 8;
    setPlace({ left, top: fits ? below : Math.max(8, at.top - size.height - 4) });
    list.current!.querySelector<HTMLElement>("[role^=menuitem]")?.focus();
  }, [anchor]);

  useEffect(() => {
    const outside = (event: Event) => {
      if (!list.current?.contains(event.target as Node) && !anchor.contains(event.target as Node)) close(false);
    };
    document.addEventListener("mousedown", outside);
    window.addEventListener("resize", outside);
    document.addEventListener("scroll", outside, true);
    return () => {
      document.removeEventListener("mousedown", outside);
      window.removeEventListener("resize", outside);
      document.removeEventListener("scroll", outside, true);
    };
  }, [anchor, close]);

  const move = (event: KeyboardEvent) => {
    const entries = [...list.current!.querySelectorAll<HTMLElement>("[role^=menuitem]")];
    const at = entries.indexOf(document.activeElement as HTMLElement);
    const go = (index: number) => entries[(index + entries.length) % entries.length]?.focus();
    if (event.key === "ArrowDown") go(at + 1);
    else if (event.key === "ArrowUp") go(at - 1);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(-1);
    else if (event.key === "Escape" || event.key === "Tab") close();
    else if (event.key.length === 1) entries.find((entry) => entry.textContent?.toLowerCase().startsWith(event.key))?.focus();
    if (event.key !== "Tab" && event.key !== "Enter" && event.key !== " ") event.preventDefault();
    event.stopPropagation();
  };

  return createPortal(
    <div
      ref={list}
      role="menu"
      aria-label={label}
      tabIndex={-1}
      style={place}
      onKeyDown={move}
      onClick={(event) => event.stopPropagation()}
      className="fixed z-40 max-h-[80vh] max-w-80 min-w-44 overflow-y-auto rounded border border-line-strong bg-canvas py-1 text-sm"
    >
      {items.map((item, index) =>
        item === "line" ? (
          <hr key={`line-${index}`} className="my-1 border-line" />
        ) : (
          <Entry key={item.label} item={item} close={close} />
        ),
      )}
    </div>,
    document.querySelector("dialog[open]") ?? document.body,
  );
}

function Entry({ item, close }: { item: MenuItem; close: () => void }) {
  const colour = item.why ? "text-muted" : item.danger ? "text-failed" : "text-ink";
  return (
    <button
      type="button"
      role={item.checked === undefined ? "menuitem" : "menuitemcheckbox"}
      aria-checked={item.checked}
      aria-disabled={Boolean(item.why) || undefined}
      tabIndex={-1}
      onClick={() => {
        if (item.why) return;
        if (item.checked === undefined) close();
        item.act();
      }}
      className={`block w-full px-3 py-1 text-left hover:bg-hover focus:bg-hover focus:outline-none ${colour} ${item.why ? "cursor-not-allowed!" : ""}`}
    >
      {item.checked !== undefined && <span className="inline-block w-5">{item.checked ? "✓" : ""}</span>}
      {item.label}
      {item.why && <span className="block text-xs whitespace-normal text-muted">{item.why}</span>}
    </button>
  );
}
