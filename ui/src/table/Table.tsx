import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp, Columns3 } from "lucide-react";
import { memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";
import { Menu } from "@/ui/Menu";
import { useColumnChoice } from "./choice";
import { fitting, ordered, template } from "./columns";
import type { Column, Order } from "./columns";
import { useWidth } from "./width";

export type { Column } from "./columns";

export interface Selection {
  ids: ReadonlySet<string>;
  set: (ids: ReadonlySet<string>) => void;
}

interface Props<T> {
  name: string; // what the rows are, for screen readers and for remembering the choice of columns
  rows: T[];
  columns: Column<T>[];
  id: (row: T) => string;
  selection?: Selection;
  more?: () => void; // reads the next page, if there is one
  empty?: ReactNode;
  short?: boolean; // as high as its rows, for tables inside a page; otherwise it fills the space and scrolls
}

const rowHeight = 33;
const estimateSize = () => rowHeight;
const edge = 40; // px at the right that columns do not get
const endGap = 40; // rows before the end at which the next page is read

// Table shows rows of any number: only those in sight exist in the page. Up and down move between rows, x selects.
export function Table<T>(props: Props<T>) {
  const { name, rows, id, selection, more } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const width = useWidth(scroller);
  const { hidden, toggle } = useColumnChoice(name);
  const [order, setOrder] = useState<Order>();
  const selectable = Boolean(selection);
  const columns = useMemo(() => {
    const chosen = props.columns.filter((column) => !hidden.has(column.id));
    return fitting(chosen, width - (selectable ? 36 : 0) - edge);
  }, [props.columns, hidden, width, selectable]);
  // The button for choosing columns stands in the last column's heading: above actions there is room for it.
  const aside = !props.short && columns[columns.length - 1]?.title ? "pr-9" : "pr-3";
  const tracks = useMemo(() => template(columns, selectable), [columns, selectable]);
  const shown = useMemo(
    () => (more ? rows : ordered(rows, props.columns, order)),
    [rows, props.columns, order, more],
  );
  // A new function would have every row measured again.
  const getItemKey = useCallback((index: number) => id(shown[index]!), [id, shown]);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize,
    overscan: 12,
    initialRect: { width: 1_200, height: 800 },
    getItemKey,
  });
  const items = virtual.getVirtualItems();
  const last = items[items.length - 1]?.index ?? 0;
  useEffect(() => {
    if (more && last > shown.length - endGap) more();
  }, [more, last, shown.length]);

  const chosenNow = useRef(selection);
  useEffect(() => {
    chosenNow.current = selection;
  });
  const choose = useCallback((key: string) => {
    if (!chosenNow.current) return;
    const next = new Set(chosenNow.current.ids);
    if (!next.delete(key)) next.add(key);
    chosenNow.current.set(next);
  }, []);
  const focusRow = (index: number) => {
    virtual.scrollToIndex(index, { align: "auto" });
    requestAnimationFrame(() => {
      const row = scroller.current?.querySelector(`[data-index="${index}"]`);
      row?.querySelector<HTMLElement>("a, button")?.focus();
    });
  };
  const keys = (event: KeyboardEvent) => {
    const at = Number((event.target as HTMLElement).closest("[data-index]")?.getAttribute("data-index") ?? NaN);
    if (Number.isNaN(at) || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = shown[at];
    if (event.key === "ArrowDown" || event.key === "j") focusRow(Math.min(at + 1, shown.length - 1));
    else if (event.key === "ArrowUp" || event.key === "k") focusRow(Math.max(at - 1, 0));
    else if (event.key === "x" && row && selection) choose(id(row));
    else return;
    event.preventDefault();
  };

  return (
    <div
      ref={scroller}
      className={`${props.short ? "max-h-[32rem] rounded border" : "min-h-0 flex-1 border-t"} relative overflow-auto border-line`}
    >
      <div
        role="table"
        aria-label={name}
        aria-rowcount={more ? -1 : shown.length + 1}
        onKeyDown={keys}
        className="min-w-fit text-sm"
      >
        <div role="rowgroup" className="sticky top-0 z-10 bg-canvas">
          <div role="row" aria-rowindex={1} style={{ gridTemplateColumns: tracks }} className={`grid h-8 items-center border-b border-line text-xs text-muted ${aside}`}>
            {selection && <SelectAll rows={shown} id={id} selection={selection} name={name} />}
            {columns.map((column) => (
              <Header key={column.id} column={column} order={order} setOrder={more ? undefined : setOrder} />
            ))}
          </div>
        </div>
        <div role="rowgroup" className={`relative ${props.short ? "[&>:last-child]:border-b-0" : ""}`} style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const row = shown[item.index]!;
            return (
              <Row
                key={item.key}
                row={row}
                index={item.index}
                start={item.start}
                columns={columns}
                tracks={tracks}
                aside={aside}
                on={selection ? selection.ids.has(id(row)) : undefined}
                choose={choose}
                id={id(row)}
              />
            );
          })}
        </div>
      </div>
      {shown.length === 0 && props.empty}
      {!props.short && shown.length > 0 && (
        <div className="absolute top-0.5 right-1 z-10">
          <Menu
            label="Columns"
            icon={<Columns3 className="size-3.5" />}
            items={props.columns
              .filter((column) => column.priority !== 0 && column.title)
              .map((column) => ({
                label: column.title,
                checked: !hidden.has(column.id),
                act: () => toggle(column.id),
              }))}
          />
        </div>
      )}
    </div>
  );
}

interface RowProps<T> {
  row: T;
  id: string;
  index: number;
  start: number; // px from the top
  columns: Column<T>[];
  tracks: string;
  aside: string; // the class for the room at the right
  on: boolean | undefined; // selected; missing where rows cannot be
  choose: (id: string) => void;
}

function PlainRow<T>({ row, id, index, start, columns, tracks, aside, on, choose }: RowProps<T>) {
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      data-index={index}
      style={{ gridTemplateColumns: tracks, height: rowHeight, transform: `translateY(${start}px)` }}
      className={`absolute inset-x-0 top-0 grid items-center border-b border-line ${aside} ${on ? "bg-selected" : "hover:bg-hover"}`}
    >
      {on !== undefined && (
        <div role="cell" className="flex justify-center">
          <input
            type="checkbox"
            aria-label={`Select row ${index + 1}`}
            checked={on}
            onChange={() => choose(id)}
            className="size-4 accent-accent-fill"
          />
        </div>
      )}
      {columns.map((column) => (
        <div key={column.id} role="cell" className={`min-w-0 truncate px-2 py-1 ${column.right ? "text-right" : ""} first:pl-4`}>
          {column.cell(row)}
        </div>
      ))}
    </div>
  );
}

// Row is drawn again only when it has changed: scrolling draws the rows that come into sight, and no others.
const Row = memo(PlainRow) as typeof PlainRow;

interface SelectAllProps<T> {
  rows: T[];
  id: (row: T) => string;
  selection: Selection;
  name: string;
}

function SelectAll<T>({ rows, id, selection, name }: SelectAllProps<T>) {
  const every = rows.length > 0 && rows.every((row) => selection.ids.has(id(row)));
  return (
    <div role="columnheader" className="flex justify-center">
      <input
        type="checkbox"
        aria-label={`Select all loaded ${name}`}
        checked={every}
        disabled={rows.length === 0}
        ref={(box) => {
          if (box) box.indeterminate = !every && selection.ids.size > 0;
        }}
        onChange={() => selection.set(every ? new Set() : new Set(rows.map(id)))}
        className="size-4 accent-accent-fill"
      />
    </div>
  );
}

interface HeaderProps<T> {
  column: Column<T>;
  order?: Order;
  setOrder?: (order: Order | undefined) => void;
}

function Header<T>({ column, order, setOrder }: HeaderProps<T>) {
  const mine = order?.column === column.id ? order : undefined;
  const next = !mine ? { column: column.id, down: false } : mine.down ? undefined : { column: column.id, down: true };
  return (
    <div
      role="columnheader"
      aria-sort={mine ? (mine.down ? "descending" : "ascending") : undefined}
      className={`min-w-0 truncate px-2 font-medium first:pl-4 ${column.right ? "text-right" : ""}`}
    >
      {column.sort && setOrder ? (
        <button type="button" onClick={() => setOrder(next)} className="inline-flex items-center gap-0.5 hover:text-ink">
          {column.title}
          {mine && (mine.down ? <ArrowDown className="size-3" aria-hidden /> : <ArrowUp className="size-3" aria-hidden />)}
        </button>
      ) : (
        column.title || <span className="sr-only">Actions</span>
      )}
    </div>
  );
}
