/** The bytes of a box or of its fields. */
export type Fields = Uint8Array | readonly number[];

/** Four characters as a 32-bit number. */
export function fourcc(name: string): number {
  return (
    ((name.charCodeAt(0) << 24) | (name.charCodeAt(1) << 16) | (name.charCodeAt(2) << 8) | name.charCodeAt(3)) >>> 0
  );
}

/** The four characters of a number; unprintable ones become dots. */
export function fourccText(code: number): string {
  const characters = [code >>> 24, (code >>> 16) & 0xff, (code >>> 8) & 0xff, code & 0xff];
  return characters.map((c) => (c > 0x1f && c < 0x7f ? String.fromCharCode(c) : '.')).join('');
}

// Big-endian unsigned fields; higher bits of the value are cut off.
export const u8 = (value: number): number[] => [value & 0xff];
export const u16 = (value: number): number[] => [(value >>> 8) & 0xff, value & 0xff];
export const u24 = (value: number): number[] => [(value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
export const u32 = (value: number): number[] => [(value >>> 24) & 0xff, ...u24(value)];
/** @param value a safe integer, not negative */
export const u64 = (value: number): number[] => [...u32(Math.floor(value / 2 ** 32)), ...u32(value % 2 ** 32)];
export const zeros = (count: number): Uint8Array => new Uint8Array(count);
export const text = (characters: string): number[] => [...characters].map((c) => c.charCodeAt(0));

export function join(parts: readonly Fields[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A box of ISO/IEC 14496-12 §4.2: size, type and body. */
export function box(type: string, ...parts: readonly Fields[]): Uint8Array {
  const sizeBytes = parts.reduce((sum, part) => sum + part.length, 8);
  return join([u32(sizeBytes), text(type), ...parts]);
}

/** A box with version and 24 bits of flags. */
export function fullBox(type: string, version: number, flags: number, ...parts: readonly Fields[]): Uint8Array {
  return box(type, u8(version), u24(flags), ...parts);
}
