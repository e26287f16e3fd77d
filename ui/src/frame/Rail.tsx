import { NavLink } from "react-router";
import { places } from "./places";

interface Props {
  open: boolean; // on narrow windows
  close: () => void;
}

// Rail is the list of places at the left. It shrinks to icons on medium windows and slides in on narrow ones.
export function Rail({ open, close }: Props) {
  return (
    <>
      {open && <div className="fixed inset-0 z-20 bg-black/40 md:hidden" onClick={close} aria-hidden />}
      <nav
        aria-label="Main"
        className={`z-20 shrink-0 border-r border-line bg-sunken max-md:fixed max-md:inset-y-0 max-md:left-0 max-md:w-52 md:w-12 xl:w-48 ${open ? "" : "max-md:hidden"}`}
      >
        <div className="flex h-12 items-center gap-2 px-3.5 font-semibold">
          <img src="/favicon.svg" alt="" className="size-5" />
          <span className="md:max-xl:hidden">NovaCron</span>
        </div>
        <ul className="space-y-0.5 p-2">
          {places.map(({ to, label, icon: Icon }) => (
            <li key={to}>
              <NavLink
                to={to}
                end={to === "/"}
                onClick={close}
                title={label}
                className={({ isActive }) =>
                  `flex h-8 items-center gap-2.5 rounded px-2 text-sm ${isActive ? "bg-selected font-medium text-ink" : "text-muted hover:bg-hover hover:text-ink"}`
                }
              >
                <Icon className="size-4 shrink-0" aria-hidden />
                <span className="md:max-xl:sr-only">{label}</span>
              </NavLink>
            </li>
          ))}
        </ul>
      </nav>
    </>
  );
}
