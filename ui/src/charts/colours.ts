// Series colours that hold against both grounds; series also differ by dash.
export const seriesColours = {
  light: ["#2f5fd0", "#9a5b00", "#0b7a5b", "#8a3fa8"],
  dark: ["#8db0ff", "#e8aa4a", "#5bcb95", "#d59bf0"],
};

export const dashes: (number[] | undefined)[] = [undefined, [6, 3], [2, 3], [8, 3, 2, 3]];
