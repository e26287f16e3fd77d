import { cloneElement, useId, useLayoutEffect, useRef, useState } from "react";
import type { HTMLAttributes, ReactElement } from "react";
import { createPortal } from "react-dom";

type Trigger = ReactElement<HTMLAttributes<HTMLElement>>;

const gap = 6;

// Tooltip says more about its one child on hover and focus, to eyes and to screen readers. Without text it adds nothing.
export function Tooltip({ text, children }: { text?: string; children: Trigger }) {
  const id = useId();
  const [target, setTarget] = useState<DOMRect>();
  if (!text) return children;
  const show = (element: Element) => setTarget(element.getBoundingClientRect());
  const hide = () => setTarget(undefined);
  return (
    <>
      {cloneElement(children, {
        "aria-describedby": target ? id : undefined,
        onMouseEnter: (event) => show(event.currentTarget),
        onMouseLeave: hide,
        onFocus: (event) => {
          if (event.currentTarget.matches(":focus-visible")) show(event.currentTarget);
        },
        onBlur: hide,
        onKeyDown: (event) => {
          if (event.key === "Escape") hide();
          children.props.onKeyDown?.(event);
        },
      })}
      {target && <Bubble id={id} text={text} target={target} />}
    </>
  );
}

function Bubble({ id, text, target }: { id: string; text: string; target: DOMRect }) {
  const element = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ left: 0, top: 0 });
  useLayoutEffect(() => {
    const size = element.current!.getBoundingClientRect();
    const left = Math.min(
      Math.max(gap, target.left + target.width / 2 - size.width / 2),
      window.innerWidth - size.width - gap,
    );
    const above = target.top - size.height - gap;
    setPlace({ left, top: above > gap ? above : target.bottom + gap });
  }, [target, text]);
  // A dialog is drawn above everything else on the page, so its tooltips have to be inside it.
  const dialogs = document.querySelectorAll("dialog[open]");
  return createPortal(
    <div
      ref={element}
      id={id}
      role="tooltip"
      style={place}
      className="pointer-events-none fixed z-50 max-w-72 rounded border border-line-strong bg-canvas px-2 py-1 text-xs text-ink"
    >
      {text}
    </div>,
    dialogs[dialogs.length - 1] ?? document.body,
  );
}
