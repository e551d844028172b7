import { PerchError } from '../../base/errors.ts';
import { parseDuration } from './duration.ts';

type RangeType = '' | 'clock' | 'npt' | 'smpte';

/** Absolute time, RFC 2326 §3.7. */
const CLOCK = /^\d{8}T\d{6}(\.\d{1,9})?Z$/;
/** Seconds or hours, minutes and seconds (§3.6); SMPTE counts frames after a third colon (§3.5). */
const NPT = /^(\d{1,9}|\d{1,4}:[0-5]\d:[0-5]\d)(\.\d{1,9})?$/;
const SMPTE = /^\d{1,4}:[0-5]\d:[0-5]\d(:\d\d(\.\d\d)?)?$/;

/**
 * Where a recorded source begins, in the form of the Range header: for `npt` and `smpte` MediaMTX's file has a duration such as
 * `1m30s`. The header's own form is accepted, too. Empty for a live source.
 */
export function rangeStartOf(type: RangeType, text: string): string {
  switch (type) {
    case '':
      return '';
    case 'clock':
      return CLOCK.test(text) ? text : refuse(text, 'a time such as 20260131T120000Z');
    case 'npt':
      return NPT.test(text) ? text : String(millisecondsOf(text) / 1000);
    case 'smpte':
      return SMPTE.test(text) ? text : clockFace(millisecondsOf(text));
  }
}

function millisecondsOf(text: string): number {
  return text === '' ? refuse(text, 'a duration such as 1m30s') : parseDuration(text);
}

function refuse(text: string, expected: string): never {
  throw new PerchError('badInput', `'${text.slice(0, 64)}' is not a valid start of the source: write ${expected}`);
}

/** `hours:minutes:seconds`; frames would need the source's frame rate. */
function clockFace(ms: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1_000) % 60)}`;
}
