import { nowMs } from '../../../shell/page-state.ts';
import type { Camera } from '../../../cameras/camera.ts';
import { type CameraState, stateOfPath } from '../../../cameras/state.ts';
import { stateWord } from '../../../live/tile.tsx';
import { voice } from '../../../words/i18n.ts';
import { camerasWords } from '../../../words/cameras.ts';
import { liveWords } from '../../../words/words.ts';
import { daysOf, FOR_EVER, type PathConfig, recordWhen } from './camera-settings.ts';
import { formatDuration } from './span-words.ts';

interface Line {
  readonly text: string;
  readonly tone?: 'bad' | 'warn';
}

/** How a camera is as the box sees it, whether somebody looks at it or not. */
export const stateNow = ({ main }: Camera): CameraState => stateOfPath(main, nowMs.value);

const TROUBLE: readonly CameraState['kind'][] = ['offline', 'misconfigured'];

/** `Live · keeps 14 days`, or what is the trouble. */
export function cameraLine(camera: Camera, config: PathConfig | undefined): Line {
  const speaker = voice();
  const state = stateNow(camera);
  const word = stateWord(state, speaker) ?? speaker.words.live;
  if (TROUBLE.includes(state.kind)) {
    return { text: word, tone: 'bad' };
  }
  if (state.kind === 'live' && camera.main.recording?.error != null) {
    return { text: `${word} · ${liveWords.value.notRecording}`, tone: 'bad' };
  }
  const kept = config === undefined || state.kind === 'paused' ? undefined : keeping(config);
  const isIncomplete = config?.camera?.['pending'] !== undefined;
  const text = [word, kept, isIncomplete && camerasWords.value.incomplete].filter(Boolean).join(' · ');
  return isIncomplete ? { text, tone: 'warn' } : { text };
}

/** `keeps 14 days`, `on motion`. */
export function keeping(config: PathConfig): string {
  const say = camerasWords.value;
  const when = recordWhen(config);
  if (when === 'motion') {
    return say.onMotionShort;
  }
  if (when === 'no') {
    return say.notRecorded;
  }
  return keepsWords(daysOf(config.recordDeleteAfter ?? ''));
}

/** `keeps one day`, `keeps all that fits`. */
export function keepsWords(days: number): string {
  const say = camerasWords.value;
  if (days === FOR_EVER) {
    return say.keepsForEver;
  }
  return days >= 1 ? say.keepsDays(Math.round(days)) : say.keepsFor(formatDuration(days));
}
