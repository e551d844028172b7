import Type from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { formatSize, parseSize } from './size.ts';

const SHARE = 'auto';

/** The text in its canonical form. */
export function checkLinkRate(text: string): string {
  const rate = text.trim();
  if (rate.toLowerCase() === SHARE) {
    return SHARE;
  }
  if (!/\d/.test(rate)) {
    throw new PerchError('badInput', `'${text.slice(0, 64)}' is not a speed: write auto, or for example 3M or 512K`);
  }
  return formatSize(parseSize(rate));
}

/** Bytes a second; infinite: no limit. Undefined: a quarter of the camera's link. */
export const linkRate = (text: string): number | undefined =>
  text === SHARE ? undefined : parseSize(text) || Number.POSITIVE_INFINITY;

export const LinkRateText = (description: string, keywords = {}) =>
  Type.String({ syntax: 'linkRate', default: SHARE, description, ...keywords });
