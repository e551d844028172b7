import type { BackfillItem } from '../../../agent/features/backfill/routes.ts';
import { fineDuration, longDuration, number, percent } from '../../words/format.ts';
import type { BackfillWords } from './words/en.ts';

/** Its keys of a path. */
export interface BackfillConfig {
  readonly backfill?: boolean;
  readonly backfillHours?: string;
  readonly backfillMaxRate?: string;
}

interface CameraPath {
  readonly camera?: { readonly onvif?: string };
}

/** Whether the camera of this path may have a card. */
export const mayHaveCard = ({ camera }: CameraPath): boolean => camera?.onvif !== undefined;

export interface BackfillSettings {
  readonly isOn: boolean;
  /** `22:00-06:00`, or empty. */
  readonly hours: string;
  /** MB (2^20 bytes) a second; `OF_LINK` is a quarter of the camera's link, from `NO_LIMIT` on there is no limit. */
  readonly rate: number;
}

const STOPPED_MS = 24 * 3_600_000;
export const OF_LINK = 0;
export const NO_LIMIT = 1_000;
export const RATE_STEPS = [OF_LINK, 0.25, 0.5, 1, 2, 3, 5, 10, NO_LIMIT];
const MEGABYTES: Readonly<Record<string, number>> = { B: 2 ** -20, K: 2 ** -10, M: 1, G: 2 ** 10, T: 2 ** 20 };

export const settingsOf = ({ backfill, backfillHours, backfillMaxRate }: BackfillConfig): BackfillSettings => ({
  isOn: backfill ?? true,
  hours: backfillHours ?? '',
  rate: rateOf(backfillMaxRate),
});

/** The keys of the configuration. */
export const keysOf = ({ isOn, hours, rate }: Partial<BackfillSettings>): BackfillConfig => ({
  ...(isOn !== undefined && { backfill: isOn }),
  ...(hours !== undefined && { backfillHours: hours }),
  ...(rate !== undefined && { backfillMaxRate: rateKey(rate) }),
});

function rateOf(text: string | undefined): number {
  const [, amount, unit = ''] = /^([\d.]+)\s*([KMGT]?)I?B?$/i.exec(text?.trim() ?? '') ?? [];
  const rate = Number(amount) * (MEGABYTES[unit.toUpperCase() || 'B'] ?? 1);
  return amount === undefined ? OF_LINK : rate === 0 ? NO_LIMIT : rate;
}

const rateKey = (rate: number): string =>
  rate === OF_LINK ? 'auto' : rate >= NO_LIMIT ? '0B' : rate < 1 ? `${rate * 1024}K` : `${rate}M`;

export const rateText = (rate: number, words: BackfillWords, language: string): string =>
  rate === OF_LINK ? words.ofLink : rate >= NO_LIMIT ? words.noLimit : words.perSecond(number(rate, 2, language));

/** `Has a card with 6 days of recordings`, as a row of the camera's settings. */
export function rowText(
  config: BackfillConfig,
  item: BackfillItem | undefined,
  words: BackfillWords,
  formats: Formats,
): string {
  if (!settingsOf(config).isOn) {
    return words.off;
  }
  if (item?.state === 'noCard') {
    return words.noCardRow;
  }
  const [lastMs, heldMs] = [stoppedMs(item?.card, formats), heldMsOf(item?.card)];
  const text =
    lastMs !== undefined
      ? words.stoppedRow(formats.timeOf(lastMs))
      : heldMs > 0
        ? words.cardRow(longDuration(heldMs, formats.language))
        : words.on;
  return item?.waitsFor === 'notRecorded' ? `${text} · ${words.notRecorded}` : text;
}

/** How long the recordings of a card reach, or NaN. */
const heldMsOf = (card: BackfillItem['card'] | undefined): number =>
  Date.parse(card?.until ?? '') - Date.parse(card?.from ?? '');

/** The newest recording, if it is not of the last day: a card that records on motion has one of each day, too. */
function stoppedMs(card: BackfillItem['card'] | undefined, { nowMs }: Formats): number | undefined {
  const lastMs = Date.parse(card?.until ?? '');
  return nowMs - lastMs > STOPPED_MS ? lastMs : undefined;
}

interface Formats {
  readonly language: string;
  readonly nowMs: number;
  /** `14:02`, with the day if that is another one. */
  timeOf(ms: number): string;
}

/** What is known of the camera's card, of its gaps, and what happens now, as sentences. */
export function sentencesOf(item: BackfillItem | undefined, words: BackfillWords, formats: Formats): string[] {
  const { language, timeOf } = formats;
  if (!item || item.state === 'off') {
    return [];
  }
  const { card, state, gaps, fetching, waitsFor, fetchedSeconds, tooLarge, unfilled } = item;
  const { notOnCard, inDoubt } = unfilled;
  // A camera that is away, or has just come, may have a gap that is not known yet.
  const isAway = waitsFor === 'notBack' || waitsFor === 'notRecorded';
  const [heldMs, lastMs] = [heldMsOf(card), stoppedMs(card, formats)];
  const known = card
    ? heldMs > 0
      ? words.card(longDuration(heldMs, language))
      : words.cardOfUnknownTime
    : state === 'noCard'
      ? words.noCard
      : words.unknown;
  return [
    known,
    ...(lastMs === undefined ? [] : [words.stopped(timeOf(lastMs))]),
    ...(fetching ? [fetchingText(fetching, words, formats)] : []),
    ...(state === 'waiting' && gaps > 0 ? [words.waiting(gaps)] : []),
    ...(state === 'idle' && !isAway && notOnCard + inDoubt === 0 ? [words.noGaps] : []),
    ...((state === 'waiting' && gaps > 0) || state === 'unknown' || isAway ? reasonOf(item, words, timeOf) : []),
    ...(notOnCard > 0 ? [words.notOnCard(notOnCard)] : []),
    ...(inDoubt > 0 ? [words.inDoubt(inDoubt)] : []),
    ...(tooLarge > 0 ? [words.tooLarge(tooLarge)] : []),
    ...(fetchedSeconds > 0 ? [words.fetched(fineDuration(fetchedSeconds * 1_000, language))] : []),
  ];
}

/** In seconds, if the gap is short. */
function fetchingText(
  { from, until, share }: NonNullable<BackfillItem['fetching']>,
  words: BackfillWords,
  { language, timeOf }: Formats,
): string {
  const [fromMs, untilMs] = [Date.parse(from), Date.parse(until)];
  const times = `${timeOf(fromMs)} – ${timeOf(untilMs)}`;
  return words.fetching(times, percent(share, language), fineDuration(untilMs - fromMs, language));
}

/** Why the card is not read now. */
function reasonOf({ waitsFor, retryTime }: BackfillItem, words: BackfillWords, timeOf: Formats['timeOf']): string[] {
  const { notRecorded, notBack, watched, clock, outsideHours, turn, importing } = words;
  const why = { notRecorded, notBack, watched, clock, hours: outsideHours, turn, import: importing, off: undefined };
  const text = waitsFor === null ? undefined : why[waitsFor];
  if (text !== undefined) {
    return [text];
  }
  return retryTime === null ? [] : [words.retryAt(timeOf(Date.parse(retryTime)))];
}

/** Why gaps are still there, in English; null: nothing has failed. */
export const failureOf = (item: BackfillItem | undefined): string | null => (item && item.gaps > 0 ? item.error : null);
