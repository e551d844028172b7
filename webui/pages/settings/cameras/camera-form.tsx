import { type Signal, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { Tagged } from '../../../api-client/config.ts';
import { paths } from '../../../api-client/paths.ts';
import { fetchJson } from '../../../api-client/request.ts';
import { readableName } from '../../../cameras/camera.ts';
import { cameras } from '../../../cameras/cameras.ts';
import { ConfigForm } from '../../../forms/config-form.ts';
import { FormFooter } from '../../../forms/form-footer.tsx';
import { camerasWords } from '../../../words/cameras.ts';
import { words } from '../../../words/words.ts';
import { configAddress, foreseeAddress, patchAddress } from './camera-data.ts';
import { type CameraSettings, changeOf, type PathConfig, recordWhen, settingsOf } from './camera-settings.ts';

/** What saving would do to the camera's stream and its recording, as the device says. */
type SaveEffect = 'nothing' | 'recording' | 'restart';

/** A finger on a stepper is not followed by a question for each step. */
const REST_MS = 200;

/** Asks the device what saving would do, whenever something else is typed. @returns undefined while that is not known */
export function useSaveEffect(name: string, { form, config }: CameraForm): Signal<SaveEffect | undefined> {
  const foreseen = useMemo(() => signal<SaveEffect | undefined>('nothing'), []);
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
      const answer = await fetchJson<{ readonly restarts: readonly string[]; readonly recordings: readonly string[] }>(
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
  readonly foreseen: SaveEffect | undefined;
}

export const CameraFoot = ({ edited: { form, config }, foreseen }: CameraFootProps) => (
  <FormFooter form={form} text={saveEffectText(foreseen, form.values.value, recordWhen(config))} />
);

function saveEffectText(
  foreseen: SaveEffect | undefined,
  { record }: CameraSettings,
  before: CameraSettings['record'],
): string {
  const t = camerasWords.value;
  switch (foreseen) {
    case 'restart':
      return record === 'no' ? t.appliesRestarting : t.appliesRestartingRecorded;
    case 'recording':
      return record === 'no'
        ? t.appliesRecordingEnds
        : before === 'no'
          ? t.appliesRecordingBegins
          : t.appliesRecordingAnew;
    case 'nothing':
      return t.appliesAtOnce;
    default:
      // Its room stays.
      return '\u00a0';
  }
}

export type CameraForm = ConfigForm<PathConfig, CameraSettings>;

/** The settings of one camera. */
export const cameraForm = (name: string, seen: Tagged<PathConfig>): CameraForm =>
  new ConfigForm({
    ...{ get: configAddress(name), patch: patchAddress(name), seen, changeOf },
    valuesOf: (config) => settingsOf(config, readableName(name)),
    // The small picture's sound is the same microphone's.
    alongOf: ({ sound }) => {
      const sub = cameras.peek()?.find((one) => one.name === name)?.sub;
      return sub && sound !== undefined ? [{ patch: patchAddress(sub.name), change: { audio: sound } }] : [];
    },
    validate: { name: (text) => (text.trim() === '' ? camerasWords.peek().nameWrong : undefined) },
  });

/** Says that they are saved, with the way back. @param restarts whether the camera starts again because of it */
export function toastCameraSaved(name: string, edited: CameraForm, restarts: boolean): void {
  const { name: title } = edited.form.values.peek();
  showName(name, title);
  const text = restarts ? camerasWords.peek().savedRestarts(title) : words.peek().saved;
  edited.toastSaved(text, (before) => showName(name, before.name));
}

/** The page shows it at once, before the device tells it. */
function showName(name: string, title: string | undefined): void {
  if (title !== undefined) {
    paths.value = paths.peek()?.map((item) => (item.name === name ? { ...item, title } : item));
  }
}
