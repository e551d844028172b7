import { type Signal, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { ask } from '../../../api-client/request.ts';
import { FormFoot } from '../../../forms/form-footer.tsx';
import { camerasWords } from '../../../words/cameras.ts';
import { foreseeAddress } from './camera-data.ts';
import type { CameraForm } from './camera-form.ts';
import { type CameraSettings, changeOf, recordWhen } from './camera-settings.ts';

/** What saving would do to the camera's stream and its recording, as the box says. */
export type Foreseen = 'nothing' | 'recording' | 'restart';

/** A finger on a stepper is not followed by a question for each step. */
const REST_MS = 200;

/** Asks the box what saving would do, whenever something else is typed. @returns undefined while that is not known */
export function useForeseen(name: string, { form, config }: CameraForm): Signal<Foreseen | undefined> {
  const foreseen = useMemo(() => signal<Foreseen | undefined>('nothing'), []);
  const { changed } = form;
  const change = JSON.stringify(changeOf(changed.value, config));
  useEffect(() => {
    // What was saved is still what the last answer was about.
    if (change === '{}') {
      if (form.saving.peek() === 'no') {
        foreseen.value = 'nothing';
      }
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      const answer = await ask<{ readonly restarts: readonly string[]; readonly recordings: readonly string[] }>(
        foreseeAddress(name),
        { method: 'POST', body: JSON.parse(change), signal: stop.signal },
      ).catch(() => undefined);
      if (!stop.signal.aborted) {
        const { restarts, recordings } = answer ?? {};
        const isRecording = recordings?.includes(name);
        foreseen.value = answer && (restarts?.includes(name) ? 'restart' : isRecording ? 'recording' : 'nothing');
      }
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [change]);
  return foreseen;
}

interface CameraFootProps {
  readonly edited: CameraForm;
  readonly foreseen: Foreseen | undefined;
}

export const CameraFoot = ({ edited: { form, config }, foreseen }: CameraFootProps) => (
  <FormFoot form={form} text={foreseenWords(foreseen, form.values.value, recordWhen(config))} />
);

function foreseenWords(
  foreseen: Foreseen | undefined,
  { record }: CameraSettings,
  before: CameraSettings['record'],
): string {
  const say = camerasWords.value;
  switch (foreseen) {
    case 'restart':
      return record === 'no' ? say.appliesRestarting : say.appliesRestartingRecorded;
    case 'recording':
      return record === 'no'
        ? say.appliesRecordingEnds
        : before === 'no'
          ? say.appliesRecordingBegins
          : say.appliesRecordingAnew;
    case 'nothing':
      return say.appliesAtOnce;
    default:
      // Its room stays.
      return '\u00a0';
  }
}
