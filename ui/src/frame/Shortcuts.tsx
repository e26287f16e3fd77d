import { Dialog } from "@/ui/Dialog";
import { places } from "./places";

const others: [keys: string, does: string][] = [
  ["Ctrl K", "Search, go anywhere, do anything that is allowed"],
  ["/", "Search in the list"],
  ["c", "Create (on the lists of VMs and of volumes)"],
  ["↓ ↑ or j k", "Move between rows"],
  ["Enter", "Open the row"],
  ["x", "Select the row"],
  ["o", "Open operations"],
  ["?", "This list"],
  ["Esc", "Close"],
];

function Keys({ keys }: { keys: string }) {
  return <kbd className="rounded border border-line-strong bg-sunken px-1.5 font-sans text-xs whitespace-nowrap">{keys}</kbd>;
}

export function Shortcuts({ close }: { close: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" close={close}>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5 text-sm">
        {others.map(([keys, does]) => (
          <div key={keys} className="contents">
            <dt>
              <Keys keys={keys} />
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
        {places.map((place) => (
          <div key={place.to} className="contents">
            <dt>
              <Keys keys={`g ${place.key}`} />
            </dt>
            <dd>Go to {place.label}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
