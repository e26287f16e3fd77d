import { Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { Outlet, useLocation, useNavigate, useNavigation } from "react-router";
import { Transitions } from "@/forms/transitions";
import { VMActions } from "@/forms/VMActions";
import { Live } from "@/live/Live";
import { Toasts } from "@/ui/Toasts";
import { Banner } from "./Banner";
import { useShortcuts } from "./keys";
import { OperationsDrawer } from "./OperationsDrawer";
import { Palette } from "./Palette";
import { places } from "./places";
import { Rail } from "./Rail";
import { Shortcuts } from "./Shortcuts";
import { TopBar } from "./TopBar";

type Layer = "palette" | "operations" | "shortcuts";

// Shell is the frame around every page but the login.
export function Shell() {
  return (
    <Toasts>
      <Live>
        <Transitions>
          <VMActions>
            <Frame />
          </VMActions>
        </Transitions>
      </Live>
    </Toasts>
  );
}

function Frame() {
  const navigate = useNavigate();
  const location = useLocation();
  const { state } = useNavigation();
  const [layer, setLayer] = useState<Layer>();
  const [rail, setRail] = useState(false);
  const close = useCallback(() => setLayer(undefined), []);
  useEffect(close, [close, location.pathname]);

  useShortcuts(
    useMemo(() => {
      const go = places.map((place) => [`g ${place.key}`, () => void navigate(place.to)] as const);
      return {
        ...Object.fromEntries(go),
        "ctrl+k": () => setLayer((old) => (old === "palette" ? undefined : "palette")),
        "?": () => setLayer("shortcuts"),
        o: () => setLayer("operations"),
        "/": () => document.querySelector<HTMLElement>("[data-search]")?.focus(),
      };
    }, [navigate]),
  );

  return (
    <div className="flex h-dvh">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:top-2 focus:left-2 focus:z-50 focus:rounded focus:bg-canvas focus:px-3 focus:py-1"
      >
        Skip to the content
      </a>
      <Rail open={rail} close={() => setRail(false)} />
      <div className="flex min-w-0 flex-1 flex-col">
        <TopBar
          openRail={() => setRail(true)}
          openPalette={() => setLayer("palette")}
          openOperations={() => setLayer("operations")}
          openShortcuts={() => setLayer("shortcuts")}
        />
        <Banner />
        {state === "loading" && <div className="absolute inset-x-0 top-0 z-30 h-0.5 animate-pulse bg-accent-fill" />}
        <main id="content" tabIndex={-1} className="min-h-0 flex-1 overflow-y-auto focus:outline-none">
          <Suspense>
            <Outlet />
          </Suspense>
        </main>
      </div>
      {layer === "palette" && <Palette close={close} />}
      {layer === "operations" && <OperationsDrawer close={close} />}
      {layer === "shortcuts" && <Shortcuts close={close} />}
    </div>
  );
}
