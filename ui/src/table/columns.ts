import type { ReactNode } from "react";

// Column is one column of a table. Columns of a low priority give way when the window is narrow.
export interface Column<T> {
  id: string;
  title: string;
  width: number; // px at least; what is left over goes to columns that grow
  grow?: number;
  right?: boolean; // numbers
  priority?: number; // 0 always stays; higher goes first
  cell: (row: T) => ReactNode;
  sort?: (row: T) => string | number;
}

// fitting chooses the columns that fit into a width, keeping their order.
export function fitting<T>(columns: Column<T>[], width: number): Column<T>[] {
  let needed = columns.reduce((sum, column) => sum + column.width, 0);
  const kept = new Set(columns);
  const first = [...columns].sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0));
  for (const column of first) {
    if (needed <= width || (column.priority ?? 0) === 0) break;
    kept.delete(column);
    needed -= column.width;
  }
  return columns.filter((column) => kept.has(column));
}

export function template<T>(columns: Column<T>[], selectable: boolean): string {
  const tracks = columns.map((column) => (column.grow ? `minmax(${column.width}px, ${column.grow}fr)` : `${column.width}px`));
  if (!columns.some((column) => column.grow)) tracks.push("1fr");
  return [selectable ? "36px" : "", ...tracks].join(" ").trim();
}

export interface Order {
  column: string;
  down: boolean;
}

export function ordered<T>(rows: T[], columns: Column<T>[], order: Order | undefined): T[] {
  const value = columns.find((column) => column.id === order?.column)?.sort;
  if (!order || !value) return rows;
  const sign = order.down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const left = value(a);
    const right = value(b);
    if (typeof left === "string" && typeof right === "string") return sign * left.localeCompare(right, "en", { numeric: true });
    return sign * (Number(left) - Number(right));
  });
}
