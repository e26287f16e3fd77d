import { expect, it } from "vitest";
import { fitting, ordered, template } from "./columns";
import type { Column } from "./columns";

interface Row {
  name: string;
  size: number;
}

const columns: Column<Row>[] = [
  { id: "name", title: "Name", width: 100, grow: 1, priority: 0, cell: (row) => row.name, sort: (row) => row.name },
  { id: "size", title: "Size", width: 80, priority: 2, cell: (row) => row.size, sort: (row) => row.size },
  { id: "extra", title: "Extra", width: 120, priority: 5, cell: () => null },
];
const rows = [{ name: "b10", size: 1 }, { name: "b9", size: 3 }, { name: "a", size: 2 }];

it("drops the least important columns first, never those that always stay", () => {
  expect(fitting(columns, 400).map((column) => column.id)).toEqual(["name", "size", "extra"]);
  expect(fitting(columns, 200).map((column) => column.id)).toEqual(["name", "size"]);
  expect(fitting(columns, 10).map((column) => column.id)).toEqual(["name"]);
});

it("sorts numbers as numbers and names as people do", () => {
  expect(ordered(rows, columns, { column: "name", down: false }).map((row) => row.name)).toEqual(["a", "b9", "b10"]);
  expect(ordered(rows, columns, { column: "size", down: true }).map((row) => row.size)).toEqual([3, 2, 1]);
  expect(ordered(rows, columns, undefined)).toBe(rows);
});

it("lets a column grow into what is left", () => {
  expect(template(columns, true)).toBe("36px minmax(100px, 1fr) 80px 120px");
});
