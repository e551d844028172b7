import Type from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { formatSize, parseSize } from './size.ts';

const PERCENT = /^(\d{1,2}(?:\.\d{1,3})?)\s?%$/;
const MAX_PERCENT = 90;

/** Space of a disk that stays free: a share of it or a size. Zero: none. */
type FreeSpace = { readonly percent: number } | { readonly bytes: number };

/** Parses a text such as `10%` or `20G`. */
function parseFreeSpace(text: string): FreeSpace {
  const [, amount] = PERCENT.exec(text.trim()) ?? [];
  if (amount === undefined) {
    if (text.includes('%') || !/\d/.test(text)) {
      throw new PerchError('badInput', `'${text.slice(0, 64)}' is not free space: write for example 10% or 20G`);
    }
    return { bytes: parseSize(text) };
  }
  const percent = Number(amount);
  if (percent > MAX_PERCENT) {
    throw new PerchError('badInput', `'${text}' is more than the limit of ${MAX_PERCENT}%`);
  }
  return { percent };
}

/** The text in its canonical form. */
export function checkFreeSpace(text: string): string {
  const space = parseFreeSpace(text);
  return 'percent' in space ? `${space.percent}%` : formatSize(space.bytes);
}

/** Bytes that stay free on a disk of `totalBytes`; 0: none. */
export function freeSpaceBytes(text: string, totalBytes: number): number {
  const space = parseFreeSpace(text);
  return 'percent' in space ? Math.floor((totalBytes * space.percent) / 100) : Math.min(space.bytes, totalBytes);
}

export const FreeSpaceText = (defaultText: string, description: string) =>
  Type.String({ syntax: 'freeSpace', default: defaultText, description });
