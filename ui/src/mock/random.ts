// Numbers and IDs that are the same at every start, so that links and screenshots hold.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function hash(text: string): number {
  let value = 2_166_136_261;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 16_777_619);
  return value >>> 0;
}

// idOf makes an ID of the API's form: the kind, then a ULID of the time and random letters.
export function idOf(prefix: string, at: number, random: () => number): string {
  let time = "";
  for (let left = at, digit = 0; digit < 10; digit++, left = Math.floor(left / 32)) time = alphabet[left % 32] + time;
  let rest = "";
  for (let digit = 0; digit < 16; digit++) rest += alphabet[Math.floor(random() * 32)];
  return `${prefix}_${time}${rest}`;
}
