import type { Camera } from '../../../../cameras/camera.ts';
import { type CameraState, stateOfPath } from '../../../../cameras/state.ts';
import { daysOf, daysText, FOR_EVER } from '../../../../forms/days.ts';
import { stateText } from '../../../../live/tile.tsx';
import { nowMs } from '../../../../shell/page-state.ts';
import { i18n } from '../../../../words/i18n.ts';
import { camerasWords } from '../../../../words/settings/cameras.ts';
import { liveWords } from '../../../../words/words.ts';
import { type PathConfig, recordWhen } from './camera-settings.ts';

interface Line {
  readonly text: string;
  readonly tone?: 'bad' | 'warn';
}

/** State as the box reports it. */
export const stateNow = ({ main }: Camera): CameraState => stateOfPath(main, nowMs.value);

const TROUBLE: readonly CameraState['kind'][] = ['offline', 'misconfigured'];

/** `Live · kept for 14 days`, or the trouble. */
export function statusLine(camera: Camera, config: PathConfig | undefined): Line {
  const intl = i18n();
  const state = stateNow(camera);
  const word = stateText(state, intl) ?? intl.words.live;
  if (TROUBLE.includes(state.kind)) {
    return { text: word, tone: 'bad' };
  }
  if (state.kind === 'live' && camera.main.recording?.error != null) {
    return { text: `${word} · ${liveWords.value.notRecording}`, tone: 'bad' };
  }
  const kept = config === undefined || ['paused', 'private'].includes(state.kind) ? undefined : retentionText(config);
  const isIncomplete = config?.camera?.['pending'] !== undefined;
  const text = [word, kept, isIncomplete && camerasWords.value.incomplete].filter(Boolean).join(' · ');
  return isIncomplete ? { text, tone: 'warn' } : { text };
}

/** `kept for 14 days`, `on motion`. */
export function retentionText(config: PathConfig): string {
  const t = camerasWords.value;
  const when = recordWhen(config);
  if (when === 'motion') {
    return t.onMotionShort;
  }
  if (when === 'no') {
    return t.notRecorded;
  }
  return retentionDaysText(daysOf(config.recordDeleteAfter ?? ''));
}

/** `kept for one day`, `kept as long as space allows`. */
export function retentionDaysText(days: number): string {
  const t = camerasWords.value;
  if (days === FOR_EVER) {
    return t.keepsForEver;
  }
  return days >= 1 ? t.keepsDays(Math.round(days)) : t.keepsFor(daysText(days));
}
