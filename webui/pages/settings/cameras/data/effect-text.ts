import type { CameraSettings } from '../../../../api-client/api-types.ts';
import type { PathItem } from '../../../../api-client/paths.ts';
import { daysText } from '../../../../forms/days.ts';
import { byteSize } from '../../../../words/format.ts';
import { i18n } from '../../../../words/i18n.ts';
import { sentences } from '../../../../words/sentences.ts';
import { camerasWords } from '../../../../words/settings/cameras.ts';
import { videoWords } from '../../../../words/settings/video.ts';
import type { CameraFacts } from './camera-data.ts';
import { diskEffect } from './disk-effect.ts';
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
