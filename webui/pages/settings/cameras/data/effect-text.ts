import type { CameraSettings } from '../../../../api-client/api-types.ts';
import type { PathItem } from '../../../../api-client/paths.ts';
import { daysText } from '../../../../forms/days.ts';
import { byteSize } from '../../../../words/format.ts';
import { i18n } from '../../../../words/i18n.ts';
import { sentences } from '../../../../words/sentences.ts';
import { camerasWords } from '../../../../words/settings/cameras.ts';
import { videoWords } from '../../../../words/settings/video.ts';
import type { CameraFacts } from './camera-data.ts';
import type { PathUse } from './camera-settings.ts';
import { wholeDays } from './retention-text.ts';
import type { VideoValues } from './video-settings.ts';

interface EffectTextFacts {
  readonly path: Pick<PathItem, 'name' | 'recording'>;
  readonly use: CameraFacts['use'];
  /** Limit of its recordings in bytes. */
  readonly maxBytes: number;
}

/** What saving does to the disk: `Recordings take about 42 GB a day instead of 21 GB. Recordings of about 7 days fit instead of 14 days.` */
export function effectText(facts: EffectTextFacts, { encoder }: CameraSettings, values: VideoValues): string {
  const { path, use, maxBytes } = facts;
  const ownWords = videoWords.value;
  const { language } = i18n();
  if (path.recording === null) {
    return ownWords.diskNotRecorded;
  }
  const beforeKbps = encoder.bitrateKbps ?? 0;
  if (beforeKbps === 0) {
    return ownWords.diskUnknown;
  }
  if (values.bitrateKbps === beforeKbps) {
    return ownWords.diskSame;
  }
  if (!use) {
    // A no-break space keeps the height of the line.
    return '\u00a0';
  }
  const own = use.items.find((item) => item.path === path.name);
  const afterKbps = values.bitrateKbps;
  const effect = diskEffect({ use: own, totalPerDay: use.bytesPerDay, maxBytes, beforeKbps, afterKbps });
  if (!effect) {
    return camerasWords.value.costUnknown;
  }
  const { before, after } = effect;
  return sentences([
    ownWords.diskPerDay(byteSize(after.perDay, language), byteSize(before.perDay, language)),
    before.days !== undefined && after.days !== undefined && daysKept(before.days, after.days),
  ]);
}

function daysKept(before: number, after: number): string {
  const ownWords = videoWords.value;
  const [now, then] = [daysText(roughDays(before)), daysText(roughDays(after))];
  return now === then ? ownWords.diskDaysSame(then) : ownWords.diskDays(then, now);
}

/** Whole days, less than one as it is. */
const roughDays = (days: number): number => (days < 1 ? days : wholeDays(days));

interface Amount {
  readonly perDay: number;
  /** Days of recordings that are kept, or undefined if unknown. */
  readonly days: number | undefined;
}

interface DiskEffect {
  readonly before: Amount;
  readonly after: Amount;
}

interface EffectFacts {
  readonly use: PathUse | undefined;
  /** Bytes that all cameras record per day; null: unknown. */
  readonly totalPerDay: number | null | undefined;
  /** Limit of this camera's recordings; `NO_LIMIT`: all that fit. */
  readonly maxBytes: number;
  readonly beforeKbps: number;
  readonly afterKbps: number;
}

/** Effect of a bit rate on the recordings, or undefined if the camera has not recorded long enough, or states no bit rate. */
export function diskEffect(facts: EffectFacts): DiskEffect | undefined {
  const { use, totalPerDay, maxBytes, beforeKbps, afterKbps } = facts;
  const perDay = use?.bytesPerDay;
  if (!perDay || beforeKbps <= 0) {
    return undefined;
  }
  const newPerDay = (perDay * afterKbps) / beforeKbps;
  const fits = use.fitsDays;
  if (fits === null) {
    return { before: { perDay, days: undefined }, after: { perDay: newPerDay, days: undefined } };
  }
  const total = Math.max(totalPerDay ?? perDay, perDay);
  // The box gives the lower of both limits, rounded. Other cameras share the disk only.
  const isBySize = fits > 0.95 * (maxBytes / perDay);
  const onDisk = isBySize ? Number.POSITIVE_INFINITY : (fits * total) / (total - perDay + newPerDay);
  const keptOf = (days: number) => Math.min(days, use.wantedDays ?? Number.POSITIVE_INFINITY);
  return {
    before: { perDay, days: keptOf(fits) },
    after: { perDay: newPerDay, days: keptOf(Math.min(onDisk, maxBytes / newPerDay)) },
  };
}
