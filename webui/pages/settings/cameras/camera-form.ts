import type { Tagged } from '../../../api-client/config.ts';
import { paths } from '../../../api-client/paths.ts';
import { cameras } from '../../../cameras/cameras.ts';
import { readableName } from '../../../cameras/camera.ts';
import { ConfigForm } from '../../../forms/config-form.ts';
import { camerasWords } from '../../../words/cameras.ts';
import { words } from '../../../words/words.ts';
import { configAddress, patchAddress } from './camera-data.ts';
import { type CameraSettings, changeOf, type PathConfig, settingsOf } from './camera-settings.ts';

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
    judge: { name: (text) => (text.trim() === '' ? camerasWords.peek().nameWrong : undefined) },
  });

/** Says that they are saved, with the way back. @param restarts whether the camera starts again because of it */
export function tellCameraSaved(name: string, edited: CameraForm, restarts: boolean): void {
  const { name: title } = edited.form.values.peek();
  showName(name, title);
  const text = restarts ? camerasWords.peek().savedRestarts(title) : words.peek().saved;
  edited.tellSaved(text, (before) => showName(name, before.name));
}

/** The page shows it at once, before the box tells it. */
function showName(name: string, title: string | undefined): void {
  if (title !== undefined) {
    paths.value = paths.peek()?.map((item) => (item.name === name ? { ...item, title } : item));
  }
}
