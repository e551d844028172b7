import Type from 'typebox';
import { PerchError } from '../../base/errors.ts';
import type { SizeText } from './quantity.ts';

/** Largest first. Always powers of 1024: `50M`, `50MB` and `50MiB` are equal. */
const UNITS = [
  ['T', 2 ** 40],
  ['G', 2 ** 30],
  ['M', 2 ** 20],
  ['K', 2 ** 10],
] as const;
const WHOLE = /^(\d{1,12}(?:\.\d{1,6})?)([KMGT]?)(I?B)?$/;

/** Bytes of a text such as `50M`, `512KiB` or `100B`. */
export function parseSize(text: string): number {
  const [whole, amount, letter, bytes] = WHOLE.exec(text.trim().toUpperCase()) ?? [];
  // Zero needs no unit.
  const hasUnit = letter !== '' || bytes === 'B' || whole === '0';
  if (whole === undefined || !hasUnit) {
    throw new PerchError('badInput', `'${text.slice(0, 64)}' is not a size: write for example 50M, 512K or 100B`);
  }
  const scale = UNITS.find(([unit]) => unit === letter)?.[1] ?? 1;
  const size = Math.round(Number(amount) * scale);
  if (size > 2 ** 50) {
    throw new PerchError('badInput', `'${text}' is larger than the limit of 1024T`);
  }
  return size;
}

/** The text that MediaMTX shows for a size: the largest unit that fits, one decimal where needed. */
export function formatSize(bytes: number): string {
  const [unit, scale] = UNITS.find(([, limit]) => bytes >= limit) ?? ['B', 1];
  return `${Number((bytes / scale).toFixed(1))}${unit}`;
}

export const Size = (defaultText: string, description: string, keywords = {}) =>
  Type.Unsafe<SizeText>(Type.String({ unit: 'Bytes', default: defaultText, description, ...keywords }));
