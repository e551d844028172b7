import { type Signal, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { patchAddress, saveEffectAddress } from '../../../api-client/camera-addresses.ts';
import type { Tagged } from '../../../api-client/config.ts';
import { paths } from '../../../api-client/paths.ts';
import { fetchJson } from '../../../api-client/request.ts';
import { readableName } from '../../../cameras/camera.ts';
import { cameras } from '../../../cameras/cameras.ts';
import { ConfigForm, pathPlace } from '../../../forms/config-form.ts';
import { FormFooter } from '../../../forms/form-footer.tsx';
import { camerasWords } from '../../../words/settings/cameras.ts';
import { type CameraFormValues, changeOf, type PathConfig, recordWhen, settingsOf } from './data/camera-settings.ts';

/** What saving would interrupt, as the box reports. */
type SaveEffect = 'nothing' | 'recording' | 'restart';

/** Delay, so that each step of a stepper is not a request. */
const REST_MS = 200;

/** Asks the box for the effect of the changes. @returns undefined until known */
export function useSaveEffect(name: string, { form, config }: CameraForm): Signal<SaveEffect | undefined> {
  const saveEffect = useMemo(() => signal<SaveEffect | undefined>('nothing'), []);
  const { changed } = form;
  const change = JSON.stringify(changeOf(changed.value, config));
  useEffect(() => {
    // Keeps the last answer while saving, because it is about the changes that are being saved.
    if (change === '{}') {
      if (form.saving.peek() === 'no') {
        saveEffect.value = 'nothing';
      }
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      const answer = await fetchJson<{ readonly restarts: readonly string[]; readonly recordings: readonly string[] }>(
        saveEffectAddress(name),
        { method: 'POST', body: JSON.parse(change), signal: stop.signal },
      ).catch(() => undefined);
      if (!stop.signal.aborted) {
        const { restarts, recordings } = answer ?? {};
        const isRecording = recordings?.includes(name);
        saveEffect.value = answer && (restarts?.includes(name) ? 'restart' : isRecording ? 'recording' : 'nothing');
      }
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [change]);
  return saveEffect;
}

interface CameraFootProps {
  readonly edited: CameraForm;
  readonly saveEffect: SaveEffect | undefined;
}

export const CameraFoot = ({ edited: { form, config }, saveEffect }: CameraFootProps) => (
  <FormFooter form={form} text={saveEffectText(saveEffect, form.values.value, recordWhen(config))} />
);

function saveEffectText(
  saveEffect: SaveEffect | undefined,
  { record }: CameraFormValues,
  before: CameraFormValues['record'],
): string {
  const t = camerasWords.value;
  switch (saveEffect) {
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
      // A no-break space keeps the height of the line.
      return '\u00a0';
  }
}

export type CameraForm = ConfigForm<PathConfig, CameraFormValues>;

export const cameraForm = (name: string, seen: Tagged<PathConfig>): CameraForm =>
  new ConfigForm({
    ...pathPlace(name),
    seen,
    changeOf,
    valuesOf: (config) => settingsOf(config, readableName(name)),
    // Saved for the sub stream as well, which has the same microphone.
    alongOf: ({ sound }) => {
      const sub = cameras.peek()?.find((one) => one.name === name)?.sub;
      return sub && sound !== undefined ? [{ patch: patchAddress(sub.name), change: { audio: sound } }] : [];
    },
    validate: { name: (text) => (text.trim() === '' ? camerasWords.peek().nameWrong : undefined) },
  });

/** Shows a toast with Undo. @param restarts whether saving restarts the stream */
export function toastCameraSaved(name: string, edited: CameraForm, restarts: boolean): void {
  const { name: title } = edited.form.values.peek();
  showName(name, title);
  const text = restarts ? camerasWords.peek().savedRestarts(title) : undefined;
  edited.toastSaved(text, (before) => showName(name, before.name));
}

/** Shows the new name before the box's next response. */
function showName(name: string, title: string | undefined): void {
  if (title !== undefined) {
    paths.value = paths.peek()?.map((item) => (item.name === name ? { ...item, title } : item));
  }
}
