import type { RecordingsWords } from '../words/en/recordings.ts';
import { type GapReason, isCovered, type Lane } from './lane.ts';

/** The box checks every two seconds, and recording resumes at the next key frame. */
const SLACK_MS = 20_000;

/** Reason of most of a gap; undefined if the box knows none, or for less than half of it. */
export function reasonOf(reasons: readonly GapReason[], startMs: number, endMs: number): string | undefined {
  const lengths = new Map<string, number>();
  let explained = 0;
  for (const one of reasons) {
    const within = Math.min(one.endMs, endMs) - Math.max(one.startMs, startMs);
    const near = Math.min(one.endMs + SLACK_MS, endMs) - Math.max(one.startMs - SLACK_MS, startMs);
    // Overlap counts more than distance.
    const length = within > 0 ? within : near > 0 ? near / 1e6 : 0;
    explained += Math.max(0, near);
    if (length > 0) {
      lengths.set(one.reason, (lengths.get(one.reason) ?? 0) + length);
    }
  }
  const [longest] = [...lengths].sort((a, b) => b[1] - a[1]);
  return explained * 2 >= endMs - startMs ? longest?.[0] : undefined;
}

/** The word for `offline` is `gapOffline`. Undefined for unknown reasons of a newer version. */
export const gapReasonText = (reason = ' ', words: RecordingsWords): string | undefined =>
  words[`gap${reason[0]?.toUpperCase()}${reason.slice(1)}` as 'gapOffline'];

/** Where a moment comes from that the box has not recorded, and why it had not; undefined: it had. */
export function cardSourceText(
  { fetched, imported, reasons }: Pick<Lane, 'fetched' | 'imported' | 'reasons'>,
  ms: number,
  words: RecordingsWords,
): string | undefined {
  if (!isCovered(fetched, ms)) {
    return isCovered(imported, ms) ? words.imported : undefined;
  }
  const why = gapReasonText(reasonOf(reasons, ms, ms + 1), words);
  return why === undefined ? words.fromCard : words.fromCardFor(why);
}
