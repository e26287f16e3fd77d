import { useLayoutEffect, useState } from "react";
import type { RefObject } from "react";

// useWidth is an element's inner width in pixels.
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(1_200);
  useLayoutEffect(() => {
    const target = element.current;
    if (!target) return undefined;
    setWidth(target.clientWidth || 1_200);
    const observer = new ResizeObserver(() => setWidth(target.clientWidth || 1_200));
    observer.observe(target);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
