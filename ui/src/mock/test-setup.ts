import { cleanup } from "@testing-library/react";
import { afterEach, vi } from "vitest";

// completePage adds what jsdom lacks and the components need.
function completePage(): void {
  window.matchMedia ??= vi.fn().mockImplementation((query: string) => ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }));

  window.ResizeObserver ??= class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };

  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true;
  };
  HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
    this.open = false;
  };
}

if (typeof window !== "undefined") {
  completePage();
  afterEach(cleanup);
}
